//! `museau search report`: a study as one page: history, parallel coordinates, slices, importance, the
//! trade-off of two objectives, and how trials went.
use super::plan::{Objective, Plan};
use super::show::{best_by, table_of, values};
use super::{opened, plan_of};
use crate::context::Context;
use crate::outputs::{self, Kind};
use crate::storage::{StorageArguments, failure};
use anyhow::Result;
use clap::Args;
use report::{Axis, Chart, Curve, Curves, Dot, Page, Parallel, Scale, Scatter};
use std::path::PathBuf;
use study::{Direction, Distribution, Study, Trial, TrialState, front, importance};
use words::{EvaluateMessage, SearchMessage};

/// Options of `museau search report`.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// The study [default: the only one]
    #[arg(value_name = "STUDY")]
    study: Option<String>,
    /// The page to write
    #[arg(long, short, value_name = "FILE", default_value = "search.html")]
    output: PathBuf,
    #[command(flatten)]
    storage: StorageArguments,
}

/// Writes the page.
pub fn run(context: &Context, arguments: &ReportArguments) -> Result<()> {
    let file = outputs::begin(context, &arguments.output, Kind::Page)?;
    let study = opened(context, &arguments.storage, arguments.study.as_deref())?;
    let trials = study.trials().map_err(|error| failure(context, &error))?;
    let plan = plan_of(&study);
    let page = Shown {
        context,
        study: &study,
        plan: plan.as_ref(),
        trials: &trials,
    };
    outputs::finish(context, file, page.html().as_bytes())?;
    outputs::told(context, &[&arguments.output], None);
    Ok(())
}

/// A study to be shown.
struct Shown<'a> {
    context: &'a Context,
    study: &'a Study,
    plan: Option<&'a Plan>,
    trials: &'a [Trial],
}

impl Shown<'_> {
    fn html(&self) -> String {
        let name = self.study.name();
        let say = |message: SearchMessage<'_>| self.context.say(message);
        let mut page = Page::new(
            self.context.language,
            &say(SearchMessage::ReportTitle { name }),
        );
        self.introduction(&mut page);
        for objective in 0..self.study.directions().len() {
            self.history(&mut page, objective);
        }
        if self.study.directions().len() > 1 {
            self.trade_off(&mut page);
        }
        self.parallel(&mut page);
        self.importance(&mut page);
        self.slices(&mut page);
        self.reported(&mut page);
        page.heading(&say(SearchMessage::AllTrials));
        page.table(
            "",
            &table_of(self.context, self.study, self.plan, self.trials),
        );
        page.finish()
    }

    fn introduction(&self, page: &mut Page) {
        let count = |state| {
            self.trials
                .iter()
                .filter(|trial| trial.state == state)
                .count()
                .to_string()
        };
        page.paragraph(&self.context.say(SearchMessage::ReportCounts {
            all: &self.trials.len().to_string(),
            complete: &count(TrialState::Complete),
            pruned: &count(TrialState::Pruned),
            failed: &count(TrialState::Failed),
        }));
        let best = best_by(self.direction(0), self.trials);
        if let (Some(best), Some(plan)) = (best, self.plan) {
            page.paragraph(&self.context.say(SearchMessage::BestSoFar {
                number: &best.number.to_string(),
                value: &values(self.context, plan, &best.values),
            }));
        }
    }

    fn numbers(&self) -> String {
        self.context.say(EvaluateMessage::Numbers)
    }

    fn direction(&self, objective: usize) -> Direction {
        let direction = self.study.directions().get(objective);
        direction.copied().unwrap_or(Direction::Minimize)
    }

    fn name(&self, objective: usize) -> String {
        let known = self.plan.and_then(|plan| plan.objectives.get(objective));
        known.map_or_else(
            || format!("value_{objective}"),
            |known| Objective::name(*known).to_owned(),
        )
    }

    /// Complete trials with a value of this objective that is a number.
    fn complete(&self, objective: usize) -> Vec<(&Trial, f64)> {
        let complete = self
            .trials
            .iter()
            .filter(|trial| trial.state == TrialState::Complete);
        let value = |trial: &'_ Trial| trial.values.get(objective).copied();
        let all = complete.filter_map(|trial| Some((trial, value(trial)?)));
        all.filter(|(_, value)| value.is_finite()).collect()
    }

    /// How good each value is among these, 0 to 1.
    fn shade(&self, objective: usize) -> impl Fn(f64) -> f64 {
        let direction = self.direction(objective);
        let costs: Vec<f64> = self
            .complete(objective)
            .iter()
            .map(|(_, value)| direction.cost(*value))
            .collect();
        let mut sorted = costs;
        sorted.sort_by(f64::total_cmp);
        move |value| {
            let better = sorted.partition_point(|cost| *cost < direction.cost(value));
            1.0 - better as f64 / sorted.len().max(1) as f64
        }
    }

    fn value_axis(&self, objective: usize) -> Axis {
        let values: Vec<f64> = self
            .complete(objective)
            .iter()
            .map(|(_, value)| *value)
            .collect();
        Axis {
            name: self.name(objective),
            scale: linear(&values),
        }
    }

    fn trial_name(&self, trial: &Trial) -> String {
        let number = &trial.number.to_string();
        self.context.say(SearchMessage::NumberOf { number })
    }

    /// The values in the order of the trials, and the best until each.
    fn history(&self, page: &mut Page, objective: usize) {
        let complete = self.complete(objective);
        if complete.is_empty() {
            return;
        }
        let title = self.context.say(SearchMessage::History {
            name: &self.name(objective),
        });
        page.heading(&title);
        let direction = self.direction(objective);
        let mut best = f64::INFINITY;
        let mut until = Vec::new();
        let mut dots = Vec::new();
        for (trial, value) in &complete {
            if direction.cost(*value) < best {
                best = direction.cost(*value);
            }
            let shown = if direction == Direction::Maximize {
                -best
            } else {
                best
            };
            until.push((trial.number as f64, shown));
            dots.push(Dot {
                name: self.trial_name(trial),
                values: vec![Some(trial.number as f64), Some(*value)],
                shade: 0.6,
            });
        }
        let across = Axis {
            name: self.context.say(SearchMessage::Number),
            scale: Scale::Linear(0.0, self.trials.len().saturating_sub(1) as f64),
        };
        let up = self.value_axis(objective);
        page.scatter(
            &Scatter {
                title: &title,
                axes: [&across, &up],
                points: &dots,
            },
            &self.numbers(),
        );
        let curve = Curve {
            name: self.context.say(SearchMessage::BestUntil),
            points: until,
            shade: 1.0,
        };
        let title = curve.name.clone();
        let curves = Curves {
            title: &title,
            axes: [&across, &up],
            curves: &[curve],
        };
        page.curves(&curves, &self.numbers());
    }

    /// Two objectives against each other; the trials that none beats are dark.
    fn trade_off(&self, page: &mut Page) {
        let all: Vec<&Trial> = self
            .complete(0)
            .into_iter()
            .map(|(trial, _)| trial)
            .collect();
        let all: Vec<&Trial> = all
            .into_iter()
            .filter(|trial| trial.values.len() > 1)
            .collect();
        if all.is_empty() {
            return;
        }
        let best = front(&all, self.study.directions());
        let title = self.context.say(SearchMessage::TradeOff);
        page.heading(&title);
        let dot = |trial: &&Trial| Dot {
            name: self.trial_name(trial),
            values: vec![Some(trial.values[1]), Some(trial.values[0])],
            shade: if best.iter().any(|known| known.number == trial.number) {
                1.0
            } else {
                0.2
            },
        };
        let dots: Vec<Dot> = all.iter().map(dot).collect();
        let axes = [&self.value_axis(1), &self.value_axis(0)];
        page.scatter(
            &Scatter {
                title: &title,
                axes,
                points: &dots,
            },
            &self.numbers(),
        );
    }

    /// The parameters of complete trials, in the order of the space.
    fn parameters(&self) -> Vec<(String, &Distribution)> {
        let mut found: Vec<(String, &Distribution)> = Vec::new();
        for (trial, _) in self.complete(0) {
            for (name, (kind, _)) in &trial.parameters {
                if !found.iter().any(|(known, _)| known == name) {
                    found.push((name.clone(), kind));
                }
            }
        }
        if let Some(plan) = self.plan {
            let place = |name: &str| {
                let all = plan.space.parameters();
                all.iter()
                    .position(|known| known.name == name)
                    .unwrap_or(all.len())
            };
            found.sort_by_key(|(name, _)| place(name));
        }
        found
    }

    fn parallel(&self, page: &mut Page) {
        let complete = self.complete(0);
        let parameters = self.parameters();
        if complete.is_empty() || parameters.is_empty() {
            return;
        }
        let title = self.context.say(SearchMessage::ParallelCoordinates);
        page.heading(&title);
        let mut axes = vec![self.value_axis(0)];
        axes.extend(parameters.iter().map(|(name, kind)| axis(name, kind)));
        let shade = self.shade(0);
        let dot = |(trial, value): &(&Trial, f64)| {
            let own = parameters
                .iter()
                .map(|(name, _)| trial.parameters.get(name).map(|found| found.1));
            Dot {
                name: self.trial_name(trial),
                values: std::iter::once(Some(*value)).chain(own).collect(),
                shade: shade(*value),
            }
        };
        let dots: Vec<Dot> = complete.iter().map(dot).collect();
        page.parallel(
            &Parallel {
                title: &title,
                axes: &axes,
                dots: &dots,
            },
            &self.numbers(),
        );
    }

    fn importance(&self, page: &mut Page) {
        let found = importance(self.trials, self.direction(0));
        let bars: Vec<(String, f64)> = found
            .into_iter()
            .map(|(name, share)| (name, 100.0 * share))
            .collect();
        if bars.iter().all(|(_, share)| *share == 0.0) {
            return;
        }
        let title = self.context.say(SearchMessage::Importance);
        page.heading(&title);
        page.paragraph(&self.context.say(SearchMessage::ImportanceMeans));
        page.chart(&Chart::bars(&title, "%", &bars), &self.numbers());
    }

    fn slices(&self, page: &mut Page) {
        let complete = self.complete(0);
        if complete.is_empty() {
            return;
        }
        page.heading(&self.context.say(SearchMessage::Slices));
        let up = self.value_axis(0);
        let shade = self.shade(0);
        for (name, kind) in self.parameters() {
            let dot = |(trial, value): &(&Trial, f64)| {
                let own = trial.parameters.get(&name)?.1;
                Some(Dot {
                    name: self.trial_name(trial),
                    values: vec![Some(own), Some(*value)],
                    shade: shade(*value),
                })
            };
            let dots: Vec<Dot> = complete.iter().filter_map(dot).collect();
            let across = axis(&name, kind);
            page.scatter(
                &Scatter {
                    title: &name,
                    axes: [&across, &up],
                    points: &dots,
                },
                &self.numbers(),
            );
        }
    }

    /// What trials reported on the way.
    fn reported(&self, page: &mut Page) {
        let shade = self.shade(0);
        let curves: Vec<Curve> = (self.trials.iter())
            .filter(|trial| trial.reported.len() > 1)
            .map(|trial| Curve {
                name: self.trial_name(trial),
                points: (trial.reported.iter())
                    .filter(|(_, value)| value.is_finite())
                    .map(|(step, value)| (*step as f64, *value))
                    .collect(),
                shade: trial.values.first().map_or(0.0, |value| shade(*value)),
            })
            .collect();
        let points = || curves.iter().flat_map(|curve| &curve.points);
        if points().next().is_none() {
            return;
        }
        let title = self.context.say(SearchMessage::Reported);
        page.heading(&title);
        let [across, up] = [
            (
                self.context.say(SearchMessage::ReportedStep),
                points().map(|point| point.0).collect::<Vec<_>>(),
            ),
            (self.name(0), points().map(|point| point.1).collect()),
        ]
        .map(|(name, values)| Axis {
            name,
            scale: linear(&values),
        });
        page.curves(
            &Curves {
                title: &title,
                axes: [&across, &up],
                curves: &curves,
            },
            &self.numbers(),
        );
    }
}

fn linear(values: &[f64]) -> Scale {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Scale::Linear(low, high)
}

/// The axis of a parameter.
fn axis(name: &str, kind: &Distribution) -> Axis {
    let scale = match kind {
        Distribution::Categorical { choices } => {
            Scale::Names(choices.iter().map(super::plan::typed).collect())
        }
        Distribution::Float {
            low,
            high,
            log: true,
            ..
        } => Scale::Logarithmic(*low, *high),
        Distribution::Float { low, high, .. } => Scale::Linear(*low, *high),
        Distribution::Int {
            low,
            high,
            log: true,
            ..
        } => Scale::Logarithmic(*low as f64, *high as f64),
        Distribution::Int { low, high, .. } => Scale::Linear(*low as f64, *high as f64),
    };
    Axis {
        name: name.to_owned(),
        scale,
    }
}
