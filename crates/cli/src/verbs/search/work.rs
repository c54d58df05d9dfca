//! The work of a search: lanes that each take trials until none is left, and what is told meanwhile.
use super::plan::Plan;
use super::show;
use super::trial::{self, Around, End};
use super::worker;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::initial::Initials;
use crate::storage::failure;
use crate::verbs::train::{Board, Manifests, Share, shares};
use crate::{interrupt, terminal};
use anyhow::Result;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use study::{ActiveTrial, Storage, Study, Trial, TrialState, samplers};
use tensor::memory;
use words::SearchMessage;

/// How a search is done here.
pub struct Options {
    /// Trials at a time.
    pub workers: usize,
    /// Whether each trial is printed as JSON.
    pub json: bool,
    /// The only trial to work on, however it ended; any where none is named.
    pub trial: Option<u64>,
}

/// A search under way.
struct Search<'a> {
    context: &'a Context,
    study: &'a Study,
    plan: &'a Plan,
    storage: &'a Storage,
    options: &'a Options,
    manifests: Mutex<Manifests>,
    initials: Mutex<Initials>,
    board: Board,
    /// Set when the person asks for an end.
    stop: &'a AtomicBool,
    /// Set when it cannot go on.
    broken: Mutex<Option<anyhow::Error>>,
    began: Instant,
    /// Trials that ended here.
    done: Mutex<u64>,
}

/// After so many trials of which none could be trained, nothing is likely to come.
const HOPELESS: usize = 20;

/// Works on a study until it has its trials.
pub fn work(
    context: &Context,
    study: &Study,
    plan: &Plan,
    storage: &Storage,
    options: &Options,
) -> Result<()> {
    let worker = worker::Worker::new(context)?;
    let study = &study.worked_by(worker.says(), worker::Worker::is_dead);
    let lanes = shares(context.threads, options.workers, memory::free());
    let search = Search {
        context,
        study,
        plan,
        storage,
        options,
        manifests: Mutex::default(),
        initials: Mutex::default(),
        board: Board::default(),
        stop: interrupt::flag(context.say(SearchMessage::Interrupt)),
        broken: Mutex::default(),
        began: Instant::now(),
        done: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for share in lanes {
            let search = &search;
            scope.spawn(move || {
                if let Err(error) = search.lane(share) {
                    let mut broken = locked(&search.broken);
                    broken.get_or_insert(error);
                }
            });
        }
    });
    if let Some(error) = locked(&search.broken).take() {
        return Err(error);
    }
    if !options.json {
        show::summary(context, study, plan)?;
    }
    match search.stop.load(Ordering::Relaxed) {
        true => {
            let name = study.name();
            let said = context.say(SearchMessage::GoOn { name });
            eprintln!("{said}");
            Err(Failure::silent(Status::Interrupted))
        }
        false => Ok(()),
    }
}

impl Search<'_> {
    /// One lane: trial after trial.
    fn lane(&self, share: Share) -> Result<()> {
        let told = |error| failure(self.context, &error);
        let pruner = self.plan.pruner().expect("a checked name");
        let sampler = samplers::find(&self.plan.sampler).expect("a checked name");
        let around = Around {
            context: self.context,
            plan: self.plan,
            pruner,
            storage: self.storage,
            manifests: &self.manifests,
            initials: &self.initials,
            share,
            stop: self.stop,
            board: &self.board,
        };
        while !self.stop.load(Ordering::Relaxed) && locked(&self.broken).is_none() {
            let claimed = match self.options.trial {
                Some(number) => self.study.reopen(number).map(Some),
                None => self.study.claim(self.plan.trials),
            };
            let Some(mut trial) = claimed.map_err(told)? else {
                break;
            };
            let sampled = trial.sample(&self.plan.space, sampler, self.plan.seed);
            if !sampled.map_err(told)? {
                // The sampler has nothing left.
                trial.finish(TrialState::Failed, &[]).map_err(told)?;
                break;
            }
            self.one(&around, trial)?;
            if self.options.trial.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// One trial, and what is told of it.
    fn one(&self, around: &Around<'_>, trial: ActiveTrial) -> Result<()> {
        let number = trial.trial().number;
        let end = trial::run(around, trial)?;
        let told = |error| failure(self.context, &error);
        *locked(&self.done) += u64::from(!matches!(end, End::Interrupted));
        let trials = self.study.trials().map_err(told)?;
        if let Some(trial) = trials.iter().find(|trial| trial.number == number) {
            if self.options.json {
                let line = show::json(self.plan, trial);
                // Who reads has gone away: the trial is there all the same.
                let _ = self.board.hidden(|| writeln!(terminal::stdout(), "{line}"));
            }
            if !self.context.quiet {
                self.board.say(&self.line(trial, &end, &trials));
            }
        }
        let over = trials.iter().filter(|trial| trial.state.is_finished());
        let (impossible, possible): (Vec<_>, Vec<_>) = over.partition(|trial| trial.excess() > 0.0);
        match end {
            End::Impossible(reason) if possible.is_empty() && impossible.len() >= HOPELESS => {
                let reason = &reason;
                let said = self.context.say(SearchMessage::Impossible { reason });
                Err(Failure::error(Status::Failed, said))
            }
            _ => Ok(()),
        }
    }

    /// A trial that ended, and how far the search is.
    fn line(&self, trial: &Trial, end: &End, all: &[Trial]) -> String {
        let number = &trial.number.to_string();
        let what = match end {
            End::Complete(values) => show::values(self.context, self.plan, values),
            End::Behind => self.context.say(SearchMessage::Behind),
            End::Impossible(reason) => {
                let reason = reason.lines().next().unwrap_or_default();
                self.context.say(SearchMessage::NotTrained { reason })
            }
            End::Interrupted => self.context.say(SearchMessage::Waits),
        };
        let count = |state| all.iter().filter(|trial| trial.state == state).count();
        let over = all.iter().filter(|trial| trial.state.is_finished()).count();
        let best = show::best(self.plan, all).map(|best| {
            let value = &show::values(self.context, self.plan, &best.values);
            let number = &best.number.to_string();
            self.context.say(SearchMessage::BestSoFar { number, value })
        });
        let text = self.context.say(SearchMessage::Trial {
            number,
            what: &what,
            over: &over.to_string(),
            all: &self.plan.trials.to_string(),
            pruned: &count(TrialState::Pruned).to_string(),
        });
        let left = self.left(over as u64).map(|minutes| {
            let minutes = &minutes.to_string();
            self.context.say(SearchMessage::Left { minutes })
        });
        [Some(text), best, left]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Minutes until all trials are over, at the pace so far.
    fn left(&self, over: u64) -> Option<u64> {
        let done = *locked(&self.done);
        let left = self.plan.trials.saturating_sub(over);
        if done == 0 || left == 0 {
            return None;
        }
        let seconds = self.began.elapsed().as_secs_f64() / done as f64 * left as f64;
        Some((seconds / 60.0).ceil() as u64)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
