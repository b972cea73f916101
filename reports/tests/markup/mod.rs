//! Just enough of a parser to hold a page to its promises: elements with their attributes, and drawings as XML.

use std::collections::BTreeSet;

/// An opening tag.
#[derive(Debug)]
pub(crate) struct Element {
    /// Its name.
    pub(crate) name: String,
    /// Its attributes as they are written, values unescaped.
    pub(crate) attributes: Vec<(String, String)>,
}

impl Element {
    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// One tag of the markup.
#[derive(Debug)]
enum Tag {
    Open(Element, bool),
    Close(String),
}

/// All opening tags of a page. The content of `style` and `script` is skipped, as a browser does.
pub(crate) fn elements(page: &str) -> Vec<Element> {
    tags(page)
        .into_iter()
        .filter_map(|tag| match tag {
            Tag::Open(element, _) => Some(element),
            Tag::Close(_) => None,
        })
        .collect()
}

/// Every `<svg>` of a page, from its tag to its end.
pub(crate) fn drawings(page: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find("<svg") {
        let length = rest[at..].find("</svg>").expect("a drawing ends") + "</svg>".len();
        found.push(&rest[at..at + length]);
        rest = &rest[at + length..];
    }
    found
}

/// Holds a drawing to XML: tags nest and close, attributes are quoted and distinct, and every `&` begins an entity.
pub(crate) fn assert_well_formed(drawing: &str) {
    let mut open = Vec::new();
    for tag in tags(drawing) {
        match tag {
            Tag::Open(element, empty) => {
                let mut names: Vec<_> = element.attributes.iter().map(|(name, _)| name).collect();
                names.sort();
                names.dedup();
                assert_eq!(names.len(), element.attributes.len(), "{element:?} has an attribute twice");
                if !empty {
                    open.push(element.name);
                }
            }
            Tag::Close(name) => assert_eq!(open.pop(), Some(name), "tags do not nest"),
        }
    }
    assert!(open.is_empty(), "{open:?} is not closed");
    for (at, _) in drawing.match_indices('&') {
        let entity = drawing[at + 1..].split(';').next().expect("split gives at least one");
        assert!(["lt", "gt", "amp", "quot", "#39"].contains(&entity), "`&{entity}` is no entity");
    }
}

fn tags(text: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if rest.starts_with('!') {
            continue;
        }
        if let Some(closing) = rest.strip_prefix('/') {
            let end = closing.find('>').expect("a closing tag ends");
            tags.push(Tag::Close(closing[..end].to_owned()));
            continue;
        }
        let (element, empty, after) = open_tag(rest);
        rest = after;
        if element.name == "style" || element.name == "script" {
            let end = rest.find(&format!("</{}>", element.name)).expect("it is closed");
            rest = &rest[end..];
        }
        tags.push(Tag::Open(element, empty));
    }
    tags
}

/// Parses what follows a `<`: name, attributes, and whether it closes itself.
fn open_tag(text: &str) -> (Element, bool, &str) {
    let is_name = |character: char| character.is_ascii_alphanumeric() || "-_:".contains(character);
    let length = text.find(|character| !is_name(character)).expect("a tag ends");
    assert!(length > 0, "`<` is not escaped before {:?}", &text.chars().take(40).collect::<String>());
    let mut element = Element { name: text[..length].to_owned(), attributes: Vec::new() };
    let mut rest = text[length..].trim_start();
    loop {
        if let Some(after) = rest.strip_prefix("/>") {
            return (element, true, after);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (element, false, after);
        }
        let length = rest.find(|character| !is_name(character)).expect("an attribute ends");
        assert!(length > 0, "{element:?} is followed by {:?}", &rest.chars().take(40).collect::<String>());
        let name = rest[..length].to_owned();
        rest = &rest[length..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let end = quoted.find('"').expect("a value is closed");
            assert!(!quoted[..end].contains('<'), "`<` in the attribute {name}");
            value = quoted[..end].replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&");
            rest = &quoted[end + 1..];
        }
        element.attributes.push((name, value));
        rest = rest.trim_start();
    }
}

fn ids(elements: &[Element]) -> Vec<&str> {
    elements.iter().filter_map(|element| element.attribute("id")).collect()
}

/// What must hold for every page, whatever it shows.
pub(crate) fn assert_sound(page: &str) {
    assert_sound_with(page, |_| false);
}

/// The same of a page that leads to others: `is_known` knows where to.
pub(crate) fn assert_sound_with(page: &str, is_known: impl Fn(&str) -> bool) {
    let parsed = elements(page);
    let ids = ids(&parsed);
    let distinct: BTreeSet<_> = ids.iter().collect();
    assert_eq!(ids.len(), distinct.len(), "an id is given twice");
    for element in &parsed {
        for name in ["src", "href", "xlink:href", "action", "srcset"] {
            let Some(value) = element.attribute(name) else { continue };
            let lower = value.to_lowercase();
            assert!(!lower.contains("http:") && !lower.contains("https:"), "an address is in {element:?}");
            match value.strip_prefix('#') {
                Some(target) => assert!(ids.contains(&target), "{value} leads nowhere"),
                None => assert!(value.starts_with("data:image/svg+xml,") || is_known(value), "{element:?}"),
            }
        }
        for (name, _) in &element.attributes {
            assert!(!name.starts_with("on"), "{element:?} has a handler");
        }
        if let Some(labels) = element.attribute("aria-labelledby") {
            assert!(ids.contains(&labels), "{labels} labels nothing");
        }
    }
    for forbidden in ['\0', '\u{1b}', '\u{202e}', '\u{ffff}'] {
        assert!(!page.contains(forbidden), "{forbidden:?} is on the page");
    }
    let scripts = parsed.iter().filter(|element| element.name == "script");
    let (data, run): (Vec<_>, Vec<_>) = scripts.partition(|element| element.attribute("type").is_some());
    assert!(!run.is_empty() && run.len() <= 2, "{} scripts would be run", run.len());
    for element in data {
        let kind = element.attribute("type").unwrap_or_default();
        assert!(["application/json", "application/octet-stream+deflate"].contains(&kind), "{element:?} would be run");
    }
    assert_eq!(parsed.iter().filter(|element| element.name == "h1").count(), 1);
    for drawing in drawings(page) {
        assert_well_formed(drawing);
        assert!(!drawing.contains("NaN") && !drawing.contains("inf\""), "a coordinate is no number");
    }
    assert!(!drawings(page).is_empty());
}
