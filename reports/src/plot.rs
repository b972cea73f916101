//! Drawings: SVG on a true time axis, with classes instead of colours, so that one drawing serves light, dark and print.

pub(crate) mod axis;
pub(crate) mod bands;
pub(crate) mod clocks;
pub(crate) mod detail;
pub(crate) mod ink;
pub(crate) mod labels;
pub(crate) mod lane;
pub(crate) mod lanes;
pub(crate) mod latency;
pub(crate) mod links;
pub(crate) mod outstanding;
pub(crate) mod rate;
pub(crate) mod scatter;
pub(crate) mod sides;
pub(crate) mod strip;
pub(crate) mod svg;
pub(crate) mod timeline;
pub(crate) mod values;

/// Width of every drawing, in px: the page's main column at its full width.
pub(crate) const WIDTH: f64 = 1124.0;
/// The gutters left and right of every time axis that spans the run, in px.
pub(crate) const GUTTER: f64 = 84.0;
