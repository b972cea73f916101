//! Labels that do not collide: an estimate of a text's width, rows for intervals, and gaps between lines.

/// The width of a text in the page's sans at this size, in px. An estimate on the wide side: a label may end early, never
/// late.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    text.chars()
        .map(|character| match character {
            'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' => 0.36,
            'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.92,
            'A'..='Z' => 0.74,
            '\u{1100}'.. => 1.04,
            _ => 0.6,
        })
        .sum::<f64>()
        * size
}

/// Rows of intervals of which none in the same row touch.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    rows: Vec<Vec<(f64, f64)>>,
}

impl Rows {
    /// Puts the interval in the first row that is free there, and returns the row.
    pub(crate) fn place(&mut self, from: f64, to: f64) -> usize {
        let row = self.rows.iter().position(|row| is_free(row, from, to)).unwrap_or_else(|| {
            self.rows.push(Vec::new());
            self.rows.len() - 1
        });
        self.rows[row].push((from, to));
        row
    }

    /// The same among at most `most` rows; nothing where none is free.
    pub(crate) fn try_place(&mut self, from: f64, to: f64, most: usize) -> Option<usize> {
        let free = self.rows.iter().position(|row| is_free(row, from, to));
        if free.is_none() && self.rows.len() >= most {
            return None;
        }
        Some(self.place(from, to))
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Whether no interval of the row touches this one.
pub(crate) fn is_free(row: &[(f64, f64)], from: f64, to: f64) -> bool {
    row.iter().all(|(start, end)| to < *start || from > *end)
}

/// Moves ordinates apart so that neighbours keep `gap`, in their order, none above `top` and, while there is room, none
/// under `bottom`. The result is in the order of the input.
pub(crate) fn spread(wanted: &[f64], gap: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut placed = wanted.to_vec();
    let mut limit = top;
    for &item in &order {
        placed[item] = placed[item].max(limit);
        limit = placed[item] + gap;
    }
    let mut limit = bottom;
    for &item in order.iter().rev() {
        placed[item] = placed[item].min(limit);
        limit = placed[item] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_touches_goes_to_another_row() {
        let mut rows = Rows::default();
        assert_eq!(
            [(0.0, 10.0), (5.0, 7.0), (11.0, 20.0), (6.0, 30.0)].map(|(from, to)| rows.place(from, to)),
            [0, 1, 0, 2]
        );
        assert_eq!(rows.try_place(0.0, 50.0, 3), None);
        assert_eq!(rows.try_place(40.0, 50.0, 3), Some(0));
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn close_labels_move_apart() {
        let placed = spread(&[52.0, 50.0, 51.0], 13.0, 0.0, 60.0);
        assert_eq!(placed, [60.0, 34.0, 47.0]);
        assert_eq!(spread(&[10.0, 40.0], 13.0, 0.0, 60.0), [10.0, 40.0]);
    }
}
