//! Views of a photo, chosen on validation photos by accuracy and time.
use super::subject::Subject;
use crate::context::Context;
use crate::table::{Cell, Table};
use crate::{model, terminal};
use anyhow::Result;
use data::{Manifest, Part};
use graph::{View, views_text};
use package::Package;
use std::io::Write;
use std::time::Instant;
use tensor::Pool;
use train::evaluate::{ViewTrial, percent, try_views};
use words::EvaluateMessage;

/// Tries views, prints how good each is, and gives the chosen ones.
pub fn choose(
    context: &Context,
    package: &Package,
    manifest: &Manifest,
    is_json: bool,
) -> Result<ViewTrial> {
    let of_view = |view: View| {
        let mut package = package.clone();
        package.about.input.views = vec![view];
        let subject = Subject::of_package(context, package, None)?;
        subject.predicted(context, manifest, Part::Validation)
    };
    let (mut trials, chosen) = try_views::<anyhow::Error>(&package.about.input.views, of_view)?;
    let language = context.language;
    let photos = trials[chosen].predicted.photos.len();
    let milliseconds = milliseconds(context, package)?;
    let said = [
        context.say(EvaluateMessage::ViewsTried {
            photos: &photos.to_string(),
            milliseconds: &words::number(language, milliseconds, 1),
        }),
        context.say(EvaluateMessage::ViewsChosen {
            views: &views_text(&trials[chosen].views),
        }),
    ];
    let headings = [
        EvaluateMessage::HeadingViews,
        EvaluateMessage::Top1,
        EvaluateMessage::HeadingChance,
    ];
    let mut table = Table::new(headings.map(|heading| context.say(heading)).to_vec());
    for trial in &trials {
        let share = trial.right as f64 / trial.predicted.photos.len().max(1) as f64;
        table.rows.push(vec![
            Cell::text(views_text(&trial.views)),
            Cell::number(percent(language, share)),
            Cell::number(words::number(language, trial.p_value, 3)),
        ]);
    }
    let [tried, best] = said;
    // The evaluation alone is what programs read.
    if is_json {
        eprintln!("{tried}\n{best}");
    } else {
        writeln!(terminal::stdout(), "\n{tried}")?;
        table.write(&mut terminal::styled(), 2, terminal::width())?;
        writeln!(terminal::stdout(), "{best}")?;
    }
    Ok(trials.swap_remove(chosen))
}

/// What one pass of the network takes on a photo, all threads together: the least of a few.
fn milliseconds(context: &Context, package: &Package) -> Result<f64> {
    /// Photos that the check runs, a view each.
    const PHOTOS: f64 = 3.0;
    let mut one = package.clone();
    one.about.input.views.truncate(1);
    let options = model::options(context, context.threads);
    let classifier = classify::Classifier::from_package(one, &options)
        .map_err(|error| model::unusable(context, None, &error))?;
    let pool = Pool::new(context.threads);
    let mut least = f64::INFINITY;
    for _ in 0..3 {
        let started = Instant::now();
        classifier.check_outputs(&pool)?;
        least = least.min(started.elapsed().as_secs_f64() / PHOTOS);
    }
    Ok(1e3 * least)
}

/// The package with the views of a trial, and a line about them in its card.
pub fn with_views(mut package: Package, trial: &ViewTrial) -> Package {
    let views = views_text(&trial.views);
    package.about.input.views.clone_from(&trial.views);
    let (right, photos) = (trial.right, trial.predicted.photos.len());
    package.about.card += &format!(
        "\n## Views chosen anew\n\nSeen as `{views}`: the fewest views that are not significantly worse than \
         the best of those tried, on {photos} validation photos ({right} right).\n"
    );
    package
}
