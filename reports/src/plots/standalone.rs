//! Makes a drawing of the page stand for itself: its rules are those of the page's style sheet with the light colours put in, for an
//! SVG in a wiki has no variables, and its marks lead nowhere.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::legend;
use crate::marks::SYMBOLS;
use crate::plot::WIDTH;
use crate::plot::bands::Bands;

const STYLE: &str = include_str!("../../assets/page.css");
/// The rules for the parts of drawings that only a run's page has.
const RUN_STYLE: &str = include_str!("../../assets/run.css");
/// The fonts that an SVG asks for, the embedded one first: what is alike in width comes before what is wider.
const FONTS: &str = "'DejaVu Sans Condensed','Liberation Sans',Arial,Helvetica,'DejaVu Sans',sans-serif";
/// The white around a drawing, in px.
const MARGIN: f64 = 20.0;
/// The height of the title above it, and of a legend of one row.
const HEAD: f64 = 52.0;

/// What is said about a drawing.
pub(super) struct Standalone<'a> {
    /// Its name, escaped.
    pub(super) title: &'a str,
    /// Of which run it is.
    pub(super) about: &'a str,
    /// How faults are drawn.
    pub(super) bands: &'a Bands,
}

impl Standalone<'_> {
    /// The file; nothing where `svg` is no drawing of the page.
    pub(super) fn of(&self, svg: &str) -> Option<String> {
        let head = &svg[..=svg.find('>')?];
        let number = |name: &str| attribute(head, name)?.parse::<f64>().ok();
        let (drawn_width, drawn_height) = (number("width")?, number("height")?);
        let label = attribute(head, "aria-label").unwrap_or_default();
        let body = svg.get(head.len()..)?.strip_suffix("</svg>")?;
        let bands = self.bands.css();
        let tokens = tokens(&[STYLE, &bands]);
        let width = drawn_width.max(WIDTH) + 2.0 * MARGIN;
        let (legend, rows) = legend::legend(body, self.bands, (MARGIN, MARGIN + 36.0), width - MARGIN);
        let head_height = HEAD + legend::ROW * (rows - 1) as f64;
        let height = drawn_height + head_height + 2.0 * MARGIN;
        let mut out = String::with_capacity(body.len() + 16_384);
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             font-family=\"{FONTS}\" font-size=\"12\" role=\"img\">\n<title>{label}</title>\n<style>{}</style>\n<defs>{}{}</defs>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n<g class=\"plot\">",
            resolved(&(rules() + &band_rules(&bands)), &tokens),
            resolved(&patterns(SYMBOLS), &tokens),
            resolved(&self.bands.patterns().0, &tokens),
        );
        let _ = writeln!(
            out,
            "<text x=\"{MARGIN}\" y=\"{}\" class=\"strong\" font-size=\"16\">{}</text>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            MARGIN + 14.0,
            self.title,
            width - MARGIN,
            MARGIN + 14.0,
            escaped(self.about)
        );
        out.push_str(&legend);
        let _ = write!(out, "<g transform=\"translate({MARGIN} {})\">", MARGIN + head_height);
        without_references(&mut out, &resolved(body, &tokens));
        out.push_str("</g>\n</g>\n</svg>\n");
        Some(out)
    }
}

/// The value of an attribute in a tag that this crate wrote.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let rest = &tag[tag.find(&format!(" {name}=\""))? + name.len() + 3..];
    rest.split('"').next()
}

/// The light colour, or the plain value, of every token of a style sheet.
fn tokens<'a>(sheets: &[&'a str]) -> BTreeMap<&'a str, &'a str> {
    let mut tokens = BTreeMap::new();
    for sheet in sheets {
        for (at, _) in sheet.match_indices(":light-dark(").chain(sheet.match_indices(": light-dark(")) {
            let name = sheet[..at].rsplit(['{', ';', ' ', '\n']).next().unwrap_or_default();
            let value = sheet[at..].split_once('(').map_or("", |(_, rest)| rest);
            if name.starts_with("--") {
                tokens.insert(name, value.split([',', ')']).next().unwrap_or_default().trim());
            }
        }
    }
    tokens
}

/// The text with every `var(--name)` replaced by the token's value.
fn resolved(text: &str, tokens: &BTreeMap<&str, &str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("var(--") {
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find(')') else { break };
        out.push_str(tokens.get(&rest[at + 4..at + end]).copied().unwrap_or("#161b24"));
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    out
}

/// The rules of the page's drawings, without those for pointers and keyboards.
fn rules() -> String {
    let sheet = STYLE.split_once("/* Drawings */").map_or("", |(_, rest)| rest);
    let sheet = sheet.split_once(".legend {").map_or(sheet, |(rules, _)| rules);
    let of_runs = RUN_STYLE.split_inclusive('}').filter(|rule| rule.contains("stroke:") || rule.contains("fill:"));
    let mut out = String::new();
    for rule in sheet.split_inclusive('}').chain(of_runs) {
        let Some((selector, body)) = rule.split_once('{') else { continue };
        let selector = selector.rsplit_once("*/").map_or(selector, |(_, selector)| selector);
        let of_the_page = [":", ".wide"].iter().any(|word| selector.contains(word));
        if of_the_page || selector.trim() == ".plot" {
            continue;
        }
        // The family stands at the root; a shorthand would need it again.
        let body = body.replace("font: 12px var(--sans);", "font-size: 12px;").replace("2px }", "2 }");
        out.push_str(selector.trim());
        out.push('{');
        out.push_str(body.trim_end_matches('}').trim());
        out.push_str("}\n");
    }
    out
}

/// The rules of the bands, without the tokens.
fn band_rules(bands: &str) -> String {
    bands.split_inclusive('}').filter(|rule| !rule.contains("light-dark(")).collect()
}

/// The patterns among the page's symbols.
fn patterns(symbols: &str) -> String {
    symbols.find("<pattern").map_or(String::new(), |at| symbols[at..].to_owned())
}

/// Links become groups, and what only a script reads goes.
fn without_references(out: &mut String, body: &str) {
    let mut rest = body;
    while let Some(start) = rest.find('<') {
        out.push_str(&rest[..start]);
        let Some(length) = rest[start..].find('>') else { break };
        let tag = &rest[start..=start + length];
        match tag {
            "</a>" => out.push_str("</g>"),
            _ if tag.starts_with("<a ") => out.push_str("<g>"),
            _ => without_data(out, tag),
        }
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
}

fn without_data(out: &mut String, tag: &str) {
    let mut rest = tag;
    while let Some(at) = rest.find(" data-") {
        out.push_str(&rest[..at]);
        let value = rest[at..].find("=\"").map_or(at, |opened| at + opened + 2);
        let end = rest[value..].find('"').map_or(rest.len(), |closed| value + closed + 1);
        rest = &rest[end..];
    }
    out.push_str(rest);
}

/// Text for an element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_is_left_with_a_variable() {
        let bands = Bands::new(&[]);
        let css = bands.css();
        let style = resolved(&(rules() + &band_rules(&css)), &tokens(&[STYLE, &css]));
        assert!(!style.contains("var(") && !style.contains("light-dark"), "{style}");
        for rule in [".pt-ok{fill: none; stroke: #1f77c9", ".definite{fill: #5d6b80", ".band-0{fill:url(#band-0)}"] {
            assert!(style.contains(rule), "{rule} is not in\n{style}");
        }
        assert!(!style.contains("hover") && !style.contains(".wide") && style.contains("font-size: 12px"), "{style}");
    }

    #[test]
    fn links_and_times_go_and_text_stays() {
        let mut out = String::new();
        let body = r##"<a href="#op-7" class="hit" tabindex="-1"><title>a &lt; b data-x</title><rect data-t="1" data-u="2" x="3" class="up"/></a>"##;
        without_references(&mut out, body);
        assert_eq!(out, r#"<g><title>a &lt; b data-x</title><rect x="3" class="up"/></g>"#);
    }
}
