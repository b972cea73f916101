//! A PNG of an SVG, twice as large, with the embedded font and nothing of the machine's: the same everywhere.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

/// How many pixels a px of the drawing has, each way.
const SCALE: f32 = 2.0;
/// The most pixels of an image; a larger one is drawn smaller.
const MOST_PIXELS: f32 = 40e6;
/// The embedded font, which has the glyphs of Latin, Greek and Cyrillic.
const FONTS: [&[u8]; 2] = [
    include_bytes!("../../assets/font/DejaVuSansCondensed.ttf"),
    include_bytes!("../../assets/font/DejaVuSansCondensed-Bold.ttf"),
];

fn fonts() -> Arc<fontdb::Database> {
    static LOADED: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let load = || {
        let mut fonts = fontdb::Database::new();
        for font in FONTS {
            fonts.load_font_data(font.to_vec());
        }
        fonts.set_sans_serif_family("DejaVu Sans");
        Arc::new(fonts)
    };
    Arc::clone(LOADED.get_or_init(load))
}

/// The image.
///
/// # Errors
/// A sentence, where the drawing cannot be read or is too large for the memory.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, String> {
    let options = Options { fontdb: fonts(), font_family: "DejaVu Sans".to_owned(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| format!("the drawing cannot be read: {error}"))?;
    let size = tree.size();
    let scale = SCALE.min((MOST_PIXELS / (size.width() * size.height())).sqrt());
    let (width, height) = ((size.width() * scale).ceil() as u32, (size.height() * scale).ceil() as u32);
    let mut image = Pixmap::new(width, height).ok_or("the image would be too large")?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut image.as_mut());
    image.encode_png().map_err(|error| format!("the image cannot be encoded: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much of the image is not white, in thousandths.
    fn ink(svg: &str) -> u64 {
        let image = Pixmap::decode_png(&png(svg).unwrap()).unwrap();
        let dark = image.pixels().iter().filter(|pixel| pixel.red() < 200).count() as u64;
        dark * 1_000 / u64::from(image.width() * image.height())
    }

    fn text(text: &str) -> String {
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 20" width="100" height="20" font-family="Nobody, sans-serif"><rect width="100" height="20" fill="#fff"/><text x="2" y="15" font-size="16">{text}</text></svg>"##
        )
    }

    #[test]
    fn an_image_is_twice_as_large_and_text_is_drawn() {
        let image = Pixmap::decode_png(&png(&text("")).unwrap()).unwrap();
        assert_eq!((image.width(), image.height()), (200, 40));
        assert_eq!(ink(&text("")), 0);
        assert!(ink(&text("lock 1")) > 30, "{}", ink(&text("lock 1")));
        // Letters of one alphabet differ; boxes for missing glyphs would not.
        assert_ne!(png(&text("aaa")).unwrap(), png(&text("ccc")).unwrap());
        assert_ne!(png(&text("→→→")).unwrap(), png(&text("−−−")).unwrap());
    }

    #[test]
    fn what_is_no_drawing_is_an_error() {
        assert!(png("<svg").is_err());
        assert!(png("").is_err());
    }
}
