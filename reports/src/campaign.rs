//! stub
use crate::{ReportError, write_whole};
use dsjepsen_history::Campaign;
use std::path::Path;
/// Page.
///
/// # Errors
/// [`ReportError::Write`].
pub fn write_campaign_page(campaign: &Campaign, path: &Path) -> Result<(), ReportError> {
    write_whole(path, &campaign.name)
}
