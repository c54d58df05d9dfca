//! The report of an evaluation: an HTML page that needs nothing but itself.

use std::collections::HashMap;

use data::check::{last_names, thumbnail};
use data::{Manifest, Progress, parallel};
use report::{Chart, Matrix, Page, Picture, Share, Table};
use words::{EvaluateMessage, Language};

use super::text::{decimal, figures, percent};
use super::{Evaluation, Mistake};

/// The longest side of a picture, in pixels.
const SIDE: usize = 112;

impl Evaluation {
    /// The page. Reads the photos of the mistakes that it shows.
    pub fn page(
        &self,
        manifest: &Manifest,
        language: Language,
        threads: usize,
        progress: Progress<'_>,
    ) -> String {
        let say = |message: EvaluateMessage<'_>| message.text(language);
        let mut page = Page::new(language, &self.title(language));
        page.paragraph(&self.introduction(language));
        for remark in self.remarks(language) {
            page.paragraph(&remark);
        }

        page.heading(&say(EvaluateMessage::Figures));
        let scopes = self.scopes(language);
        let names = scopes.iter().map(|(name, _)| name.clone());
        let mut table = Table::new(std::iter::once(String::new()).chain(names));
        let columns: Vec<_> = scopes
            .iter()
            .map(|(_, scores)| figures(scores, language))
            .collect();
        for (name, _) in &columns[0] {
            let values = columns.iter().map(|column| {
                let own = column.iter().find(|(other, _)| other == name);
                own.map_or("–".to_owned(), |(_, value)| value.clone())
            });
            table.row(std::iter::once(name.clone()).chain(values));
        }
        page.table("", &table);
        for line in self.after_figures(language) {
            page.paragraph(&line);
        }

        if !self.comparisons.is_empty() {
            page.heading(&say(EvaluateMessage::Comparisons));
            for comparison in &self.comparisons {
                page.paragraph(&comparison.sentences(language).join(" "));
            }
        }
        self.calibration(&mut page, language);
        self.confusion(&mut page, language);

        let shown: Vec<&Mistake> = self
            .confused
            .iter()
            .flat_map(|confused| &confused.examples)
            .chain(&self.worst)
            .collect();
        let made = parallel::map(threads, shown.len(), progress, |place| {
            let entry = &manifest.all_entries()[shown[place].entry];
            thumbnail(manifest, entry, SIDE, false)
        });
        let pictures: HashMap<usize, Picture> = shown
            .iter()
            .zip(made)
            .filter_map(|(mistake, picture)| Some((mistake.entry, picture?)))
            .collect();
        let cell = |mistake: &Mistake| {
            let picture = pictures.get(&mistake.entry).cloned();
            let said = EvaluateMessage::Mistake {
                label: mistake.label.name_in(language),
                answer: mistake.answer.name_in(language),
                percent: &percent(language, mistake.probability),
            };
            let lines = vec![said.text(language), last_names(&mistake.path).to_owned()];
            (picture.into_iter().collect::<Vec<_>>(), lines)
        };
        if !self.confused.is_empty() {
            page.heading(&say(EvaluateMessage::Confused));
            for confused in &self.confused {
                let pair = &confused.pair;
                let said = EvaluateMessage::ConfusedPair {
                    first: self.name(pair.first, language),
                    second: self.name(pair.second, language),
                    one: &pair.first_as_second.to_string(),
                    other: &pair.second_as_first.to_string(),
                };
                page.paragraph(&said.text(language));
                page.grid(&confused.examples.iter().map(cell).collect::<Vec<_>>());
            }
        }
        if !self.worst.is_empty() {
            page.heading(&say(EvaluateMessage::Worst));
            page.grid(&self.worst.iter().map(cell).collect::<Vec<_>>());
        }
        self.per_class(&mut page, language);
        page.finish()
    }

    /// The name of a class of [`Evaluation::detailed`].
    fn name(&self, class: usize, language: Language) -> &str {
        self.shared_classes[class].name_in(language)
    }

    fn calibration(&self, page: &mut Page, language: Language) {
        let say = |message: EvaluateMessage<'_>| message.text(language);
        page.heading(&say(EvaluateMessage::Calibration));
        let bins = &self.over_all.reliability;
        let filled = bins.iter().filter(|bin| bin.count > 0);
        let shares: Vec<Share> = filled
            .map(|bin| Share {
                announced: bin.mean_probability,
                right: bin.accuracy,
                count: bin.count,
            })
            .collect();
        let (announced, right, ideal) = (
            say(EvaluateMessage::Announced),
            say(EvaluateMessage::RightShare),
            say(EvaluateMessage::Ideal),
        );
        let title = say(EvaluateMessage::Reliability);
        let chart = Chart::reliability(&title, [&announced, &right], &ideal, &shares);
        let mut table = Table::new([
            say(EvaluateMessage::Bin),
            say(EvaluateMessage::Photos),
            announced.clone(),
            right.clone(),
        ]);
        for (place, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
            let edge = |place: usize| words::number(language, place as f64 / bins.len() as f64, 2);
            table.row([
                format!("{} – {}", edge(place), edge(place + 1)),
                bin.count.to_string(),
                percent(language, bin.mean_probability),
                percent(language, bin.accuracy),
            ]);
        }
        page.chart_over(&chart, &say(EvaluateMessage::Numbers), &table);
    }

    fn confusion(&self, page: &mut Page, language: Language) {
        let say = |message: EvaluateMessage<'_>| message.text(language);
        page.heading(&say(EvaluateMessage::Confusion));
        page.paragraph(&say(EvaluateMessage::ConfusionIntroduction));
        let scores = self.detailed();
        let names: Vec<String> = (0..scores.classes)
            .map(|class| self.name(class, language).to_owned())
            .collect();
        let (truth, answer) = (say(EvaluateMessage::Truth), say(EvaluateMessage::Answer));
        let matrix = Matrix {
            title: &say(EvaluateMessage::Confusion),
            axes: [&truth, &answer],
            names: &names,
            counts: &scores.confusion,
        };
        page.matrix(&matrix, &say(EvaluateMessage::Numbers));
    }

    fn per_class(&self, page: &mut Page, language: Language) {
        let say = |message: EvaluateMessage<'_>| message.text(language);
        page.heading(&say(EvaluateMessage::PerClass));
        let mut table = Table::new([
            say(EvaluateMessage::Class),
            say(EvaluateMessage::Photos),
            say(EvaluateMessage::Precision),
            say(EvaluateMessage::Recall),
            say(EvaluateMessage::F1),
        ]);
        for (class, scores) in self.detailed().class_scores.iter().enumerate() {
            table.row([
                self.name(class, language).to_owned(),
                scores.photos.to_string(),
                percent(language, scores.precision),
                percent(language, scores.recall),
                decimal(language, scores.f1),
            ]);
        }
        page.table("", &table);
    }
}
