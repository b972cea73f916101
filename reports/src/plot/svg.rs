//! Writes one SVG: shapes with classes, escaped text, coordinates to a tenth of a pixel.
//!
//! Drawings on the run's time axis can be zoomed. The page's script moves what lies on the axis, so every such element says
//! its times in ns, and what it is decides how it is moved:
//!
//! | method | mark-up | on zoom |
//! |---|---|---|
//! | [`Canvas::interval`] | `rect data-t data-u` | from `t` to `u`, at least `data-least` px wide, cut at the plot's edges |
//! | [`Canvas::interval_line`] | `line data-t data-u` | the same |
//! | [`Canvas::interval_label`] | `text data-t data-u data-need` | stays at the visible start; hidden under `need` px of room |
//! | [`Canvas::open_moment`] | `g data-t` | moved as a whole; hidden where `t` is not shown |
//! | [`Canvas::curve`] | `path data-ts` | redrawn through its times; cut at the plot's edges |
//! | [`Canvas::open_stretched`] | `g.stretched` | stretched as a whole, lines keep their width; for long curves |
//! | `TimeAxis::draw` | `g.ticks data-y` | ticks and labels are made anew |
//!
//! The drawing itself is made by [`Canvas::finish_on_run`]: `svg.on-run data-from data-to data-left data-right`. Whatever
//! has no times stays where it is: names in the gutters, horizontal lines. Without the script all of it is a plain drawing
//! of the whole run.

use std::fmt::{self, Display, Write};

use dsjepsen_history::Nanos;
use maud::{Markup, PreEscaped};

use super::axis::TimeAxis;
use crate::text::harmless;

/// The most points of a curve that carries its times; a longer one is stretched.
const MOST_TIMES: usize = 4_000;

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

    /// Whether the two have a place in common.
    pub(crate) fn meets(self, other: Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.bottom()
            && other.y < self.bottom()
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

    /// The same for one of many marks of a drawing: a keyboard stops only at those that `stops` says, for the table has all.
    pub(crate) fn open_mark(&mut self, target: Option<u64>, stops: bool, title: &str) {
        match target {
            Some(index) if stops => self.put(format_args!(r##"<a href="#op-{index}" class="hit">"##)),
            Some(index) => self.put(format_args!(r##"<a href="#op-{index}" class="hit" tabindex="-1">"##)),
            None => self.put(format_args!("<g>")),
        }
        self.put(format_args!("<title>{}</title>", Escaped(title)));
    }

    /// Closes what [`Self::open_operation`] opened with the same target.
    pub(crate) fn close_operation(&mut self, target: Option<u64>) {
        self.body.push_str(if target.is_some() { "</a>" } else { "</g>" });
    }

    /// A bar between two times, at least `least` px wide. The times may lie outside the axis.
    pub(crate) fn interval(
        &mut self,
        axis: &TimeAxis,
        (from, to): (Nanos, Nanos),
        (y, height): (f64, f64),
        least: f64,
        class: &str,
    ) {
        let area = Area::between(axis.x(from), axis.x(to), least, y, height);
        self.put(format_args!(
            r#"<rect data-t="{from}" data-u="{to}" data-least="{}" x="{}" y="{}" width="{}" height="{}" class="{class}"/>"#,
            Px(least),
            Px(area.x),
            Px(area.y),
            Px(area.width),
            Px(area.height)
        ));
    }

    /// A horizontal line between two times, at least a pixel long.
    pub(crate) fn interval_line(&mut self, axis: &TimeAxis, (from, to): (Nanos, Nanos), y: f64, class: &str) {
        let left = axis.x(from);
        self.put(format_args!(
            r#"<line data-t="{from}" data-u="{to}" data-least="1" x1="{}" y1="{2}" x2="{}" y2="{2}" class="{class}"/>"#,
            Px(left),
            Px(axis.x(to).max(left + 1.0)),
            Px(y)
        ));
    }

    /// A text at the start of an interval, `inset` px inside it. It is hidden while less than `need` px of the interval are
    /// shown: 0 for a text that may be longer than what it names.
    pub(crate) fn interval_label(
        &mut self,
        axis: &TimeAxis,
        (from, to): (Nanos, Nanos),
        (inset, y): (f64, f64),
        need: f64,
        class: &str,
        text: &str,
    ) {
        let (left, right) = (axis.x(from), axis.x(to));
        let hidden = if right - left < need { r#" display="none""# } else { "" };
        self.put(format_args!(
            r#"<text data-t="{from}" data-u="{to}" data-inset="{}" data-need="{}" x="{}" y="{}"{hidden} class="{class}">{}</text>"#,
            Px(inset),
            Px(need),
            Px(left + inset),
            Px(y),
            Escaped(text)
        ));
    }

    /// Opens a group that lies at one time, and returns its abscissa. What is drawn until [`Self::close_group`] moves with it.
    pub(crate) fn open_moment(&mut self, axis: &TimeAxis, time: Nanos) -> f64 {
        self.put(format_args!(r#"<g data-t="{time}">"#));
        axis.x(time)
    }

    /// Opens a group that is stretched as a whole when the axis is zoomed: for paths of more points than carry their times.
    pub(crate) fn open_stretched(&mut self) {
        self.put(format_args!(r#"<g class="stretched">"#));
    }

    /// Opens the group of an axis' ticks at this ordinate.
    pub(crate) fn open_ticks(&mut self, y: f64) {
        self.put(format_args!(r#"<g class="ticks" data-y="{}">"#, Px(y)));
    }

    /// Opens the group of a panel that the page's script draws anew when it is zoomed; `scale` names the ends of its own axis.
    pub(crate) fn open_panel(&mut self, name: &str, area: Area, scale: &[(&str, f64)]) {
        self.put(format_args!(r#"<g class="{name}" data-y="{}" data-height="{}""#, Px(area.y), Px(area.height)));
        for (end, value) in scale {
            self.put(format_args!(r#" data-{end}="{value}""#));
        }
        self.body.push('>');
    }

    /// Closes what [`Self::open_panel`], [`Self::open_moment`], [`Self::open_stretched`] or [`Self::open_ticks`] opened.
    pub(crate) fn close_group(&mut self) {
        self.body.push_str("</g>");
    }

    /// A line through points of time and ordinate; `None` is a gap, over which nothing is drawn.
    pub(crate) fn curve(
        &mut self,
        axis: &TimeAxis,
        points: impl IntoIterator<Item = Option<(Nanos, f64)>>,
        class: &str,
    ) {
        let (mut commands, mut times, mut count) = (String::new(), String::new(), 0_usize);
        let mut pen_down = false;
        for point in points {
            let Some((time, y)) = point else {
                pen_down = false;
                continue;
            };
            let command = if pen_down { 'L' } else { 'M' };
            let space = if count == 0 { "" } else { " " };
            let _ = write!(commands, "{command}{} {}", Px(axis.x(time)), Px(y));
            let _ = write!(times, "{space}{time}");
            (pen_down, count) = (true, count + 1);
        }
        if count > MOST_TIMES {
            self.open_stretched();
            self.path(commands, class);
            self.close_group();
        } else {
            self.put(format_args!(r#"<path data-ts="{times}" d="{commands}" class="{class}"/>"#));
        }
    }

    /// The drawing on the run's axis, which the page's script can zoom.
    pub(crate) fn finish_on_run(self, axis: &TimeAxis, height: f64, role: &str, label: &str) -> Markup {
        let times = format!(
            r#"class="plot on-run" data-from="{}" data-to="{}" data-left="{}" data-right="{}""#,
            axis.from,
            axis.to,
            Px(axis.left),
            Px(axis.right)
        );
        self.finished(&times, super::WIDTH, height, role, label)
    }

    /// Appends elements that are already SVG.
    pub(crate) fn raw(&mut self, elements: &str) {
        self.body.push_str(elements);
    }

    /// The drawing, scaled to its column, with its name for screen readers.
    pub(crate) fn finish(self, width: f64, height: f64, role: &str, label: &str) -> Markup {
        self.finished(r#"class="plot""#, width, height, role, label)
    }

    fn finished(self, attributes: &str, width: f64, height: f64, role: &str, label: &str) -> Markup {
        PreEscaped(format!(
            r#"<svg {attributes} viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="{role}" aria-label="{2}">{3}</svg>"#,
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
    fn what_lies_on_the_axis_says_its_times() {
        let axis = TimeAxis::new(0, 10_000_000_000, 100.0, 200.0);
        let mut canvas = Canvas::default();
        canvas.interval(&axis, (1_000_000_000, 20_000_000_000), (5.0, 6.0), 2.0, "up");
        canvas.interval_label(&axis, (1_000_000_000, 2_000_000_000), (4.0, 9.0), 30.0, "t11", "<short>");
        let x = canvas.open_moment(&axis, 5_000_000_000);
        canvas.line((x, 0.0), (x, 9.0), "grid");
        canvas.close_group();
        canvas.curve(&axis, [Some((0, 1.0)), Some((7, 2.0)), None, Some((10_000_000_000, 3.0))], "rate");
        let page = canvas.finish_on_run(&axis, 20.0, "img", "sample").into_string();
        assert!(page.starts_with(
            r#"<svg class="plot on-run" data-from="0" data-to="10000000000" data-left="100" data-right="200""#
        ));
        assert!(page.contains(r#"data-u="20000000000" data-least="2" x="110" y="5" width="90" height="6" class="up""#));
        assert!(page.contains(r#"data-need="30" x="114" y="9" display="none" class="t11">&lt;short&gt;<"#), "{page}");
        assert!(page.contains(r#"<g data-t="5000000000"><line x1="150""#), "{page}");
        assert!(page.contains(r#"data-ts="0 7 10000000000" d="M100 1L100 2M200 3""#), "{page}");
    }

    #[test]
    fn a_long_curve_is_stretched() {
        let axis = TimeAxis::of_run(10_000_000_000);
        let mut canvas = Canvas::default();
        canvas.curve(&axis, (0..=MOST_TIMES as u64).map(|time| Some((time, 0.0))), "rate");
        let page = canvas.finish_on_run(&axis, 20.0, "img", "sample").into_string();
        assert!(page.contains(r#"<g class="stretched"><path d="#) && !page.contains("data-ts"));
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
