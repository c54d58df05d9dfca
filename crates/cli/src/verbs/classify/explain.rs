//! `museau classify --explain`: the answer to one photo, and a picture of what it rests on.
use super::ClassifyArguments;
use super::print::{Outcome, Printer};
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::model;
use crate::outputs::{self, Kind, begin, finish};
use crate::photos::{Found, load};
use anyhow::Result;
use classify::{Classifier, ClassifyError, ClassifyOptions, Deletion, Explainer};
use package::Label;
use std::path::Path;
use tensor::Pool;
use words::{AnswerMessage, Language, UsageMessage};

/// The longer side of the picture, pixels.
const LONGEST: usize = 800;

/// Answers, writes the picture, and says what becomes of the answer without the parts that it shows.
pub fn run(
    context: &Context,
    arguments: &ClassifyArguments,
    found: Vec<Found>,
    path: &Path,
) -> Result<()> {
    let mut found = found;
    let (Some(one), true) = (found.pop(), found.is_empty()) else {
        let said = context.say(UsageMessage::ExplainOne);
        return Err(Failure::error(Status::Usage, said));
    };
    outputs::not_over(context, path, &arguments.photos)?;
    let file = begin(context, path, Kind::Picture)?;
    let named = arguments.model.as_deref();
    let mut package = model::read(context, named)?;
    arguments.prior.apply(context, &mut package.about)?;
    let place = model::find(context, named)?;
    let unusable = |error| model::unusable(context, place.as_deref(), &error);
    let options = model::options(context, context.threads);
    let explainer = Explainer::from_package(package.clone(), &options).map_err(unusable)?;
    let classifier = Classifier::from_package(package, &options).map_err(unusable)?;
    let mut printer = Printer::new(context, arguments.form())?;
    let pool = Pool::new(context.threads);
    let unanswered = |error: ClassifyError| model::unanswered(context, place.as_deref(), &error);
    let (photo_path, photo) = match load(context, one) {
        Ok(loaded) => loaded,
        Err((photo_path, why)) => {
            let status = why.status();
            printer.outcome(&Outcome::one(photo_path, Err(why)))?;
            return Err(Failure::silent(status));
        }
    };
    let options = ClassifyOptions {
        top: usize::from(arguments.top),
        together: false,
    };
    let seen = classifier.look(&pool, &photo).map_err(unanswered)?;
    let class = classifier.likeliest(&seen);
    let answers = classifier.answers(vec![seen], &options);
    for answer in answers {
        printer.outcome(&Outcome::one(photo_path.clone(), Ok(answer)))?;
    }
    let map = explainer
        .heat_map(&pool, &photo, class)
        .map_err(unanswered)?;
    let deletion = explainer
        .deletion(&pool, &photo, class, &map)
        .map_err(unanswered)?;
    let picture = vision::encode::png(&map.over(&photo, LONGEST))
        .map_err(|error| Failure::error(Status::Failed, error.to_string()))?;
    finish(context, file, &picture)?;
    if !context.quiet {
        let label = &classifier.about().labels[class];
        eprintln!("{}", said(context, label, &deletion));
    }
    Ok(())
}

/// What the test by deletion says of the picture.
fn said(context: &Context, label: &Label, deletion: &Deletion) -> String {
    let language = context.language;
    let breed = match (language, &label.name_fr) {
        (Language::French, Some(name)) => name,
        _ => &label.name,
    };
    let percent = |share: f32| words::percent(language, share.into());
    context.say(AnswerMessage::Deletion {
        breed,
        share: &percent(deletion.share),
        whole: &percent(deletion.whole),
        without: &percent(deletion.without_hottest),
        random: &percent(deletion.without_random),
    })
}
