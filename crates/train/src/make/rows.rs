//! Outputs of a network with the truth beside them.

/// One row of outputs a photo, and the class that it shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    /// `[photos][outputs]`
    pub outputs: Vec<Vec<f32>>,
    /// The class of each photo.
    pub truths: Vec<usize>,
}

impl Rows {
    pub(crate) fn push(&mut self, outputs: Vec<f32>, truth: usize) {
        self.outputs.push(outputs);
        self.truths.push(truth);
    }

    /// These outputs alone, in this order.
    pub(crate) fn columns(&self, columns: &[usize]) -> Vec<Vec<f32>> {
        let of_row = |row: &Vec<f32>| columns.iter().map(|&column| row[column]).collect();
        self.outputs.iter().map(of_row).collect()
    }
}

/// The share of rows whose truth is among the `count` largest.
pub(crate) fn top(rows: &[Vec<f32>], truths: &[usize], count: usize) -> f64 {
    let within = |(row, &truth): (&Vec<f32>, &usize)| {
        let larger = row.iter().filter(|&&value| value > row[truth]).count();
        f64::from(u8::from(larger < count))
    };
    mean_of(rows.iter().zip(truths).map(within))
}

/// The mean; 0 of nothing.
pub(crate) fn mean_of(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| {
        (sum + value, count + 1)
    });
    if count == 0 { 0.0 } else { sum / count as f64 }
}
