//! The table of a run's metrics: a line an epoch.
use crate::METRICS;

/// One epoch's line: the epoch, and its [`METRICS`] in order, empty where there is none.
pub(super) type Row = (u32, [Option<f64>; METRICS.len()]);

/// The whole table.
pub(super) fn table(rows: &[Row]) -> String {
    let header = format!("epoch,{}\n", METRICS.join(","));
    let lines = rows.iter().map(line);
    header + &lines.collect::<String>()
}

/// Whether bytes are metrics of the run whose metrics are `table`: less of it where the power failed, or
/// more epochs, which were not in the checkpoint that it goes on from.
pub(super) fn is_table_of_run(bytes: &[u8], table: &str) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let is_number = |field: &str| field.is_empty() || field.parse::<f64>().is_ok();
    let is_line = |line: &str| line.split(',').all(is_number);
    match text.strip_prefix(table) {
        Some(more) => more.lines().all(is_line),
        None => table.starts_with(text),
    }
}

/// The line of an epoch.
pub(super) fn line((epoch, metrics): &Row) -> String {
    let mut line = epoch.to_string();
    for metric in metrics {
        line.push(',');
        if let Some(metric) = metric {
            line += &metric.to_string();
        }
    }
    line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_of_the_run_whose_epochs_it_has() {
        let row = |epoch: u32| {
            let mut metrics = [Some(f64::from(epoch) / 3.0); METRICS.len()];
            metrics[2] = None;
            metrics[3] = Some(f64::NAN);
            (epoch, metrics)
        };
        let rows: Vec<Row> = (1..=3).map(row).collect();
        let (whole, known) = (table(&rows), table(&rows[..2]));
        for length in 0..=whole.len() {
            // A line that the power failed in may end anywhere.
            let own = is_table_of_run(&whole.as_bytes()[..length], &known);
            let begun = whole[..length].rsplit(['\n', ',']).next().unwrap();
            assert!(own || "NaN".starts_with(begun), "{begun}");
        }
        for theirs in [
            whole.replacen("0.3", "0.4", 1),
            whole.clone() + "the dog moved\n",
            "my own numbers".to_owned(),
            table(&[row(2)]),
        ] {
            assert!(!is_table_of_run(theirs.as_bytes(), &known), "{theirs}");
        }
        assert!(!is_table_of_run(b"\xff", &known));
    }
}
