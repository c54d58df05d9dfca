//! The page of a run's curves: loss and accuracy of each epoch, the kept one marked.
use super::metrics::Row;
use crate::watch::{ACCURACY, LOSS, VAL_ACCURACY, VAL_LOSS};
use report::{Chart, Line, Page};
use words::{EvaluateMessage, Language, Say, TrainMessage};

/// The page of a run of this name, of which the network of epoch `kept` is kept.
pub(super) fn page(name: &str, rows: &[Row], kept: u32, language: Language) -> String {
    let say = |message: &dyn Say| message.say(language).text;
    let (epochs, kept_text) = (&rows.len().to_string(), &kept.to_string());
    let mut page = Page::new(language, &say(&TrainMessage::CurveTitle { name }));
    page.paragraph(&say(&TrainMessage::CurveIntroduction {
        epochs,
        kept: kept_text,
    }));
    let mark = say(&TrainMessage::CurveKept { kept: kept_text });
    let axis = say(&TrainMessage::CurveEpoch);
    for (title, unit, scale, metrics) in [
        (
            TrainMessage::CurveLoss,
            String::new(),
            1.0,
            [LOSS, VAL_LOSS],
        ),
        (
            TrainMessage::CurveAccuracy,
            "%".to_owned(),
            100.0,
            [ACCURACY, VAL_ACCURACY],
        ),
    ] {
        let names = [TrainMessage::CurveTrain, TrainMessage::CurveValidation];
        let lines = metrics.into_iter().zip(names).map(|(metric, name)| Line {
            name: say(&name),
            points: rows
                .iter()
                .filter_map(|(epoch, metrics)| {
                    let value = metrics[metric].filter(|value| value.is_finite())?;
                    Some((f64::from(*epoch), scale * value))
                })
                .collect(),
        });
        let lines: Vec<Line> = lines.filter(|line| !line.points.is_empty()).collect();
        let title = say(&title);
        page.heading(&title);
        let chart = Chart::lines(&title, &axis, &unit, &lines).marked(f64::from(kept), &mark);
        page.chart(&chart, &say(&EvaluateMessage::Numbers));
    }
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_curves_are_drawn_and_the_kept_epoch_is_marked() {
        let row = |epoch: u32, loss: f64, right: f64, val: Option<(f64, f64)>| -> Row {
            let (val_loss, val_right) = val.unzip();
            let mut metrics = [None; crate::METRICS.len()];
            metrics[..4].copy_from_slice(&[Some(loss), Some(right), val_loss, val_right]);
            (epoch, metrics)
        };
        let rows = [
            row(1, 2.0, 0.5, Some((2.5, 0.25))),
            row(2, 1.0, 0.75, Some((1.5, 0.625))),
        ];
        for (language, words) in [
            (
                Language::English,
                ["kept epoch: 2", "Loss", "validation", "62.50"],
            ),
            (
                Language::French,
                ["gardée\u{a0}: 2", "Perte", "de validation", "62,50"],
            ),
        ] {
            let html = page("a <b>", &rows, 2, language);
            assert!(words.iter().all(|word| html.contains(word)), "{html}");
            assert_eq!(html.matches("<svg").count(), 2);
            assert!(html.contains("a &lt;b&gt;"));
        }
        // Without validation photos there is one line in each.
        let html = page("a", &[row(1, 2.0, 0.5, None)], 1, Language::English);
        assert!(!html.contains("validation") && html.contains("<svg"));
    }
}
