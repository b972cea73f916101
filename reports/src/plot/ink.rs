//! Plotters draws with opaque colours; the page wants classes. Each pen is a colour that stands for a class, and the
//! finished drawing is translated: runs of elements of one pen become one path, which is also a tenth of the size.
//!
//! Plotters works in whole pixels, so it is given a drawing ten times as large and its coordinates are read as tenths.

use std::fmt::Write;

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea, RGBColor, SVGBackend, ShapeStyle};
use thiserror::Error;

/// A drawing area of plotters on SVG.
pub(crate) type Sheet<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Why a plot cannot be drawn.
#[derive(Debug, Error)]
pub(crate) enum PlotError {
    /// Plotters refused.
    #[error("the plot cannot be drawn: {0}")]
    Plotters(String),
    /// Plotters drew something that has no class.
    #[error("the plot holds an element that is not expected: {0}")]
    Foreign(String),
}

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self::Plotters(error.to_string())
    }
}

/// What a series is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// One operation that was ok.
    Ok,
    /// One that failed.
    Fail,
    /// One that is indeterminate.
    Info,
    /// Several that were ok; the shade is 1 to 5.
    OkCell(u8),
    /// Several that failed; the shade is 1 to 5.
    FailCell(u8),
    /// The line of a median.
    Median,
    /// The line of a 95th percentile.
    Higher,
    /// The line of a 99th percentile.
    High,
    /// The line of the longest.
    Highest,
    /// The rate of ok.
    OkRate,
    /// The rate of fail.
    FailRate,
    /// The rate of info.
    InfoRate,
}

/// The red part of every pen's colour.
const MARKER: u8 = 0x5e;

impl Ink {
    /// Every pen, in the order of their numbers; shades are told by the colour's last part.
    const ALL: [Self; 12] = [
        Self::Ok,
        Self::Fail,
        Self::Info,
        Self::OkCell(0),
        Self::FailCell(0),
        Self::Median,
        Self::Higher,
        Self::High,
        Self::Highest,
        Self::OkRate,
        Self::FailRate,
        Self::InfoRate,
    ];

    fn shade(self) -> u8 {
        match self {
            Self::OkCell(shade) | Self::FailCell(shade) => shade,
            _ => 0,
        }
    }

    /// The style that plotters is given.
    pub(crate) fn style(self) -> ShapeStyle {
        let number = Self::ALL
            .iter()
            .position(|ink| std::mem::discriminant(ink) == std::mem::discriminant(&self))
            .unwrap_or_default();
        ShapeStyle { color: RGBColor(MARKER, number as u8, self.shade()).into(), filled: true, stroke_width: 1 }
    }

    /// The class that a colour stands for.
    fn class(colour: &str) -> Option<String> {
        let rgb = u32::from_str_radix(colour.strip_prefix('#')?, 16).ok()?;
        let [_, marker, number, shade] = rgb.to_be_bytes();
        let ink = Self::ALL.get(usize::from(number)).filter(|_| marker == MARKER)?;
        Some(match ink {
            Self::Ok => "pt-ok".to_owned(),
            Self::Fail => "pt-fail".to_owned(),
            Self::Info => "pt-info".to_owned(),
            Self::OkCell(_) => format!("pt-ok d{shade}"),
            Self::FailCell(_) => format!("pt-fail d{shade}"),
            Self::Median => "q50".to_owned(),
            Self::Higher => "q95".to_owned(),
            Self::High => "q99".to_owned(),
            Self::Highest => "qmax".to_owned(),
            Self::OkRate => "rate o-ok".to_owned(),
            Self::FailRate => "rate o-fail".to_owned(),
            Self::InfoRate => "rate o-info".to_owned(),
        })
    }
}

/// A length in plotters' coordinates.
pub(crate) fn tenths(px: f64) -> i32 {
    (px * 10.0).round() as i32
}

/// Lets plotters draw on a sheet of this size in px, and returns the elements with classes.
///
/// # Errors
/// What `draw` returns, or [`PlotError::Foreign`] where it used anything but an [`Ink`].
pub(crate) fn draw(
    width: f64,
    height: f64,
    draw: impl FnOnce(&Sheet<'_>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    let mut drawn = String::new();
    {
        let size = (tenths(width).unsigned_abs(), tenths(height).unsigned_abs());
        let sheet = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
        draw(&sheet)?;
        sheet.present()?;
    }
    translate(&drawn)
}

/// Translates what plotters wrote, one element a line.
fn translate(drawn: &str) -> Result<String, PlotError> {
    let mut out = String::with_capacity(drawn.len() / 4);
    let mut pen = "";
    for line in drawn.lines() {
        if line.starts_with("<svg ") || line == "</svg>" {
            continue;
        }
        let foreign = || PlotError::Foreign(line.chars().take(120).collect());
        let colour = attribute(line, "stroke")
            .filter(|colour| *colour != "none")
            .or_else(|| attribute(line, "fill"))
            .ok_or_else(foreign)?;
        if colour != pen {
            let class = Ink::class(colour).ok_or_else(foreign)?;
            let close = if pen.is_empty() { "" } else { "\"/>" };
            let _ = write!(out, r#"{close}<path class="{class}" d=""#);
            pen = colour;
        }
        commands(&mut out, line).ok_or_else(foreign)?;
    }
    if !pen.is_empty() {
        out.push_str("\"/>");
    }
    Ok(out)
}

/// The value of an attribute of an element as plotters writes it.
fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = element;
    loop {
        let at = rest.find(name)?;
        let before = rest[..at].ends_with(' ');
        rest = &rest[at + name.len()..];
        if before && let Some(value) = rest.strip_prefix("=\"") {
            return value.split('"').next();
        }
    }
}

/// Appends the path commands of a filled circle (a dot, whose size its class gives), a line or a polyline.
fn commands(out: &mut String, element: &str) -> Option<()> {
    let number = |name| attribute(element, name)?.parse::<i32>().ok();
    if element.starts_with("<circle ") {
        push(out, 'M', number("cx")?, number("cy")?);
        out.push_str("h0");
    } else if element.starts_with("<line ") {
        let (x, y) = (number("x1")?, number("y1")?);
        push(out, 'M', x, y);
        push(out, 'l', number("x2")? - x, number("y2")? - y);
    } else if element.starts_with("<polyline ") {
        for (position, pair) in attribute(element, "points")?.split_ascii_whitespace().enumerate() {
            let (x, y) = pair.split_once(',')?;
            push(out, if position == 0 { 'M' } else { 'L' }, x.parse().ok()?, y.parse().ok()?);
        }
    } else {
        return None;
    }
    Some(())
}

fn push(out: &mut String, command: char, x: i32, y: i32) {
    out.push(command);
    push_tenths(out, x);
    if y >= 0 {
        out.push(' ');
    }
    push_tenths(out, y);
}

/// Appends a number of tenths as a decimal.
fn push_tenths(out: &mut String, value: i32) {
    let sign = if value < 0 { "-" } else { "" };
    let (whole, rest) = (value.unsigned_abs() / 10, value.unsigned_abs() % 10);
    let _ = match (whole, rest) {
        (_, 0) => write!(out, "{sign}{whole}"),
        (0, _) => write!(out, "{sign}.{rest}"),
        _ => write!(out, "{sign}{whole}.{rest}"),
    };
}

#[cfg(test)]
mod tests {
    use plotters::prelude::{BLACK, ChartBuilder, Circle, Cross, PathElement};

    use super::*;

    #[test]
    fn elements_of_one_pen_become_one_path() {
        let drawn = draw(100.0, 50.0, |sheet| {
            let mut chart = ChartBuilder::on(sheet).build_cartesian_2d(0.0..10.0, 0.0..5.0)?;
            chart.draw_series([(0.0, 5.0), (5.0, 2.5)].map(|at| Circle::new(at, 9, Ink::Ok.style())))?;
            chart.draw_series([Cross::new((5.0, 2.5), 19, Ink::FailCell(3).style())])?;
            chart.draw_series([PathElement::new(vec![(0.0, 0.0), (10.0, 0.0)], Ink::Median.style())])?;
            Ok(())
        })
        .unwrap();
        // Plotters counts its last coordinate as inside: a tenth of a pixel is lost on the far edges.
        assert_eq!(
            drawn,
            concat!(
                r#"<path class="pt-ok" d="M0 0h0M49.9 25h0"/>"#,
                r#"<path class="pt-fail d3" d="M48 23.1l3.8 3.8M48 26.9l3.8-3.8"/>"#,
                r#"<path class="q50" d="M0 49.9L99.9 49.9"/>"#
            )
        );
    }

    #[test]
    fn a_colour_that_is_no_pen_is_an_error() {
        let drawn = draw(10.0, 10.0, |sheet| {
            let mut chart = ChartBuilder::on(sheet).build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
            chart.draw_series([Circle::new((0.5, 0.5), 3, BLACK)])?;
            Ok(())
        });
        assert!(matches!(drawn, Err(PlotError::Foreign(_))), "{drawn:?}");
    }
}
