//! Writes one SVG: shapes with classes, escaped text, coordinates to a tenth of a pixel.

use std::fmt::{self, Display, Write};

use maud::{Markup, PreEscaped};

use crate::text::harmless;

/// A rectangle in px.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    /// Left edge.
    pub(crate) x: f64,
    /// Upper edge.
    pub(crate) y: f64,
    /// Width.
    pub(crate) width: f64,
    /// Height.
    pub(crate) height: f64,
}

impl Area {
    /// The rectangle between two abscissae, at least `least` wide.
    pub(crate) fn between(from: f64, to: f64, least: f64, y: f64, height: f64) -> Self {
        Self { x: from, y, width: (to - from).max(least), height }
    }

    /// Its lower edge.
    pub(crate) fn bottom(self) -> f64 {
        self.y + self.height
    }
}

/// On which side of its point a text lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// It begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// A coordinate to a tenth of a pixel, without needless digits.
pub(crate) struct Px(pub(crate) f64);

impl Display for Px {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() as i64;
        let sign = if tenths < 0 { "-" } else { "" };
        let (whole, rest) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
        if rest == 0 { write!(out, "{sign}{whole}") } else { write!(out, "{sign}{whole}.{rest}") }
    }
}

/// A drawing under way.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    body: String,
}

impl Canvas {
    /// Appends formatted markup. Writing to a string cannot fail.
    fn put(&mut self, markup: fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(markup);
    }

    /// A rectangle; an empty class draws nothing but keeps its place for a pointer.
    pub(crate) fn rect(&mut self, area: Area, class: &str) {
        self.put(format_args!(
            r#"<rect x="{}" y="{}" width="{}" height="{}" class="{class}"/>"#,
            Px(area.x),
            Px(area.y),
            Px(area.width.max(0.0)),
            Px(area.height.max(0.0))
        ));
    }

    /// A straight line.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        self.put(format_args!(
            r#"<line x1="{}" y1="{}" x2="{}" y2="{}" class="{class}"/>"#,
            Px(from.0),
            Px(from.1),
            Px(to.0),
            Px(to.1)
        ));
    }

    /// A path of SVG commands made by this crate.
    pub(crate) fn path(&mut self, commands: impl Display, class: &str) {
        self.put(format_args!(r#"<path d="{commands}" class="{class}"/>"#));
    }

    /// A text; whatever it holds is made harmless and escaped.
    pub(crate) fn text(&mut self, at: (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchored = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        self.put(format_args!(
            r#"<text x="{}" y="{}"{anchored} class="{class}">{}</text>"#,
            Px(at.0),
            Px(at.1),
            Escaped(text)
        ));
    }

    /// Opens a group that links to an operation's row where `target` is one, and names it for pointers and readers.
    pub(crate) fn open_operation(&mut self, target: Option<u64>, title: &str) {
        match target {
            Some(index) => self.put(format_args!(r##"<a href="#op-{index}" class="hit">"##)),
            None => self.put(format_args!("<g>")),
        }
        if !title.is_empty() {
            self.put(format_args!("<title>{}</title>", Escaped(title)));
        }
    }

    /// Closes what [`Self::open_operation`] opened with the same target.
    pub(crate) fn close_operation(&mut self, target: Option<u64>) {
        self.body.push_str(if target.is_some() { "</a>" } else { "</g>" });
    }

    /// Appends elements that are already SVG.
    pub(crate) fn raw(&mut self, elements: &str) {
        self.body.push_str(elements);
    }

    /// The drawing, scaled to its column, with its name for screen readers.
    pub(crate) fn finish(self, width: f64, height: f64, role: &str, label: &str) -> Markup {
        PreEscaped(format!(
            r#"<svg class="plot" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="{role}" aria-label="{2}">{3}</svg>"#,
            Px(width),
            Px(height),
            Escaped(label),
            self.body
        ))
    }
}

/// Text escaped for XML content and attributes. Its length is the caller's concern.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in harmless(self.0, 4_000).chars() {
            match character {
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '&' => out.write_str("&amp;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                other => out.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short() {
        let shown: Vec<_> = [0.0, -0.04, 12.0, 12.34, -3.96].map(|value| Px(value).to_string()).into();
        assert_eq!(shown, ["0", "0", "12", "12.3", "-4"]);
    }

    #[test]
    fn text_cannot_leave_its_element() {
        let mut canvas = Canvas::default();
        canvas.text((1.0, 2.0), Anchor::End, "t11", "</text><script>\"'&\0");
        let page = canvas.finish(10.0, 10.0, "img", "\"><b>").into_string();
        assert!(page.contains("&lt;/text&gt;&lt;script&gt;&quot;&#39;&amp;⟨U+0000⟩"), "{page}");
        assert!(page.contains(r#"aria-label="&quot;&gt;&lt;b&gt;""#), "{page}");
    }
}
