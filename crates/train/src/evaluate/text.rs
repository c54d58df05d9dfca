//! The figures in words and lines, for a terminal and for the head of the page.

use data::{Part, check::last_names};
use words::{EvaluateMessage, Language, plain_line};

use super::{Comparison, Estimate, Evaluation, Predicted, Scores, Training, Verdict, shown_part};

/// Decimals of a share in per cent, of a score, and the most names that a line lists.
const PERCENT_DECIMALS: usize = 1;
const SCORE_DECIMALS: usize = 3;
const MOST_NAMES: usize = 8;

impl Evaluation {
    /// Everything but the tables of classes and photos, line by line.
    pub fn text(&self, language: Language) -> String {
        let mut lines = vec![self.title(language), self.introduction(language)];
        lines.extend(self.remarks(language));
        for (name, scores) in self.scopes(language) {
            lines.push(String::new());
            lines.push(name);
            let width = figures(scores, language)
                .iter()
                .map(|(name, _)| name.chars().count())
                .max()
                .unwrap_or(0);
            for (name, value) in figures(scores, language) {
                let space = " ".repeat(width - name.chars().count() + 2);
                lines.push(format!("  {name}{space}{value}"));
            }
        }
        lines.push(String::new());
        lines.extend(self.after_figures(language));
        for comparison in &self.comparisons {
            lines.push(String::new());
            lines.extend(comparison.sentences(language));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    pub(super) fn title(&self, language: Language) -> String {
        let model = &shown_model(&self.model);
        EvaluateMessage::Title { model }.text(language)
    }

    pub(super) fn introduction(&self, language: Language) -> String {
        let scores = self.detailed();
        let photos = &words::number(language, scores.photos as f64, 0);
        let (dataset, classes) = (&self.dataset, &self.shared_classes.len().to_string());
        if self.part == shown_part(Part::Unsaid) {
            let message = EvaluateMessage::IntroductionUnsplit {
                photos,
                dataset,
                classes,
            };
            return message.text(language);
        }
        let message = EvaluateMessage::Introduction {
            photos,
            part: self.part,
            dataset,
            classes,
        };
        message.text(language)
    }

    /// What must be known before the figures are read.
    pub(super) fn remarks(&self, language: Language) -> Vec<String> {
        let mut lines = Vec::new();
        if self.part == shown_part(Part::Test) {
            lines.push(EvaluateMessage::OnTest.text(language));
        }
        match &self.training {
            Some(training) => lines.extend(training.sentences(language)),
            None if self.part == shown_part(Part::Train) => {
                lines.push(EvaluateMessage::OnTrain.text(language));
            }
            None => {}
        }
        if self.calibrated_on > 0 {
            let count = &self.calibrated_on.to_string();
            lines.push(EvaluateMessage::CalibratedOn { count }.text(language));
        }
        lines.extend(unknown(&self.unknown_classes, language));
        if !self.not_imported.is_empty() {
            let count = &self.not_imported.len().to_string();
            let names = self.not_imported.iter();
            let names = names.map(|problem| last_names(&problem.path));
            let names = &listed(names.collect());
            lines.push(EvaluateMessage::NotImported { count, names }.text(language));
        }
        lines.extend(unreadable(&self.unreadable, language));
        lines
    }

    /// The scores with what they are over.
    pub(super) fn scopes(&self, language: Language) -> Vec<(String, &Scores)> {
        let classes = &self.classes.len().to_string();
        let all = EvaluateMessage::OverAll { classes }.text(language);
        let mut scopes = vec![(all, &self.over_all)];
        if let Some(scores) = &self.restricted {
            let classes = &self.shared_classes.len().to_string();
            let own = EvaluateMessage::Restricted { classes }.text(language);
            scopes.push((own, scores));
        }
        scopes
    }

    /// What is said under the figures.
    pub(super) fn after_figures(&self, language: Language) -> Vec<String> {
        let mut lines = vec![EvaluateMessage::Intervals.text(language)];
        if let (Some(plain), Some(temperature)) = (self.at_temperature_1, self.temperature) {
            let line = EvaluateMessage::Plain {
                ece: &percent(language, plain.expected_calibration_error),
                likelihood: &decimal(language, plain.negative_log_likelihood),
                brier: &decimal(language, plain.brier),
                temperature: &decimal(language, f64::from(temperature)),
            };
            lines.push(line.text(language));
        }
        if let Some(answers) = self.answers {
            let all = answers.dog + answers.unsure + answers.not_a_dog;
            let share = |count: usize| percent(language, count as f64 / all as f64);
            let line = EvaluateMessage::Answers {
                dog: &share(answers.dog),
                unsure: &share(answers.unsure),
                not_a_dog: &share(answers.not_a_dog),
            };
            lines.push(line.text(language));
        }
        lines
    }
}

impl Predicted {
    /// Which photos of the part are not among those predicted, and why.
    pub fn left_out(&self, language: Language) -> Vec<String> {
        let mut lines = Vec::from_iter(unknown(&self.unknown, language));
        lines.extend(unreadable(&self.unreadable, language));
        lines
    }
}

/// That photos are of classes which the model does not know.
fn unknown(classes: &[(String, usize)], language: Language) -> Option<String> {
    let count: usize = classes.iter().map(|(_, count)| count).sum();
    let names = classes.iter().map(|(name, _)| name.as_str());
    let (count, names) = (&count.to_string(), &listed(names.collect()));
    let message = EvaluateMessage::Unknown { count, names };
    (!classes.is_empty()).then(|| message.text(language))
}

/// That photos could not be read, and why the first of them could not.
fn unreadable(photos: &[(String, String)], language: Language) -> Vec<String> {
    if photos.is_empty() {
        return Vec::new();
    }
    let count = &photos.len().to_string();
    let mut lines = vec![EvaluateMessage::Unreadable { count }.text(language)];
    let named = photos.iter().take(MOST_NAMES);
    lines.extend(named.map(|(path, why)| format!("{} ({})", plain_line(path), plain_line(why))));
    if photos.len() > MOST_NAMES {
        lines.push("…".to_owned());
    }
    lines
}

impl Training {
    /// On which photos the model was trained, and whether these are among them.
    fn sentences(&self, language: Language) -> Vec<String> {
        let number = |count: usize| words::number(language, count as f64, 0);
        let trained = EvaluateMessage::Trained {
            dataset: &self.dataset,
            fitted: &number(self.fitted),
            chosen: &number(self.chosen),
            hash: self.photos.get(..12).unwrap_or(&self.photos),
        };
        let mut lines = vec![trained.text(language)];
        for (count, message) in [
            (
                self.seen,
                EvaluateMessage::Seen {
                    count: &number(self.seen),
                },
            ),
            (
                self.looked_at,
                EvaluateMessage::LookedAt {
                    count: &number(self.looked_at),
                },
            ),
        ] {
            if count > 0 {
                lines.push(message.text(language));
            }
        }
        if self.seen + self.looked_at == 0 {
            lines.push(EvaluateMessage::Unseen.text(language));
        }
        lines
    }
}

impl Comparison {
    /// The comparison in words.
    pub fn sentences(&self, language: Language) -> Vec<String> {
        let models = [
            (&self.first, &self.first_path),
            (&self.second, &self.second_path),
        ];
        let names = models.map(|(model, path)| match path {
            Some(path) => format!("{} ({path})", shown_model(model)),
            None => shown_model(model),
        });
        let [first, second] = names.each_ref().map(String::as_str);
        let mut lines = Vec::new();
        if self.baseline {
            lines.push(EvaluateMessage::Baseline { second }.text(language));
            lines.push(EvaluateMessage::Contaminated.text(language));
        }
        let compared = EvaluateMessage::Compared {
            first,
            first_share: &percent(language, self.first_top_1),
            second,
            second_share: &percent(language, self.second_top_1),
            photos: &words::number(language, self.photos as f64, 0),
            classes: &self.classes.to_string(),
        };
        lines.push(compared.text(language));
        let [only_first, only_second] =
            [self.test.only_first, self.test.only_second].map(|count| count.to_string());
        let p = &p_value(language, self.test.p_value);
        let verdict = match self.verdict() {
            Verdict::Neither => EvaluateMessage::NoDifference {
                first,
                only_first: &only_first,
                second,
                only_second: &only_second,
                p,
            },
            Verdict::First => EvaluateMessage::Better {
                better: first,
                more: &only_first,
                worse: second,
                fewer: &only_second,
                p,
            },
            Verdict::Second => EvaluateMessage::Better {
                better: second,
                more: &only_second,
                worse: first,
                fewer: &only_first,
                p,
            },
        };
        lines.push(verdict.text(language));
        lines
    }
}

/// The figures of some scores: name and value.
pub(super) fn figures(scores: &Scores, language: Language) -> Vec<(String, String)> {
    let say = |message: EvaluateMessage<'_>| message.text(language);
    let estimate = |estimate: &Estimate| {
        if !estimate.interval.is_some() {
            return percent(language, estimate.value);
        }
        let message = EvaluateMessage::Estimate {
            value: &percent(language, estimate.value),
            low: &percent(language, estimate.interval.low),
            high: &percent(language, estimate.interval.high),
        };
        message.text(language)
    };
    let mut figures = vec![(say(EvaluateMessage::Top1), estimate(&scores.top_1))];
    if let Some(top_5) = &scores.top_5 {
        figures.push((say(EvaluateMessage::Top5), estimate(top_5)));
    }
    figures.extend([
        (say(EvaluateMessage::MacroF1), estimate(&scores.macro_f1)),
        (
            say(EvaluateMessage::Ece),
            percent(language, scores.expected_calibration_error),
        ),
        (
            say(EvaluateMessage::Likelihood),
            decimal(language, scores.negative_log_likelihood),
        ),
        (say(EvaluateMessage::Brier), decimal(language, scores.brier)),
    ]);
    figures
}

/// A model's name with its version.
pub(super) fn shown_model(model: &classify::ModelName) -> String {
    format!("{} {}", model.name, model.version)
        .trim()
        .to_owned()
}

/// A share in per cent, with a decimal; `–` where there is none.
pub fn percent(language: Language, share: f64) -> String {
    if share.is_nan() {
        return "–".to_owned();
    }
    let sign = match language {
        Language::French => "\u{a0}%",
        Language::English => "%",
    };
    words::number(language, share * 100.0, PERCENT_DECIMALS) + sign
}

/// A score; `–` where there is none.
pub(super) fn decimal(language: Language, value: f64) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    words::number(language, value, SCORE_DECIMALS)
}

/// A p-value behind its letter: `= 0.03`, `< 0.001`.
fn p_value(language: Language, p: f64) -> String {
    const LEAST: f64 = 0.001;
    match p < LEAST {
        true => format!("<\u{a0}{}", decimal(language, LEAST)),
        false => format!("=\u{a0}{}", decimal(language, p)),
    }
}

fn listed(names: Vec<&str>) -> String {
    let mut listed = names[..names.len().min(MOST_NAMES)].join(", ");
    if names.len() > MOST_NAMES {
        listed.push_str(", …");
    }
    listed
}
