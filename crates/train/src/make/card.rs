//! The model card of a package.
use super::Fit;
use graph::views_text;
use package::About;

/// What the part of a card begins with in which a training tells of itself.
pub(crate) const TRAINING: &str = "\n## Training\n";

/// The model card, Markdown: what it is, what it rests on, what it was fitted on, what to mind.
pub(super) fn card(about: &About, fit: Option<&Fit>) -> String {
    let provenance = &about.provenance;
    let input = &about.input;
    let calibration = &about.calibration;
    let mut card = format!(
        "# {} {}\n\n\
         Tells {} classes apart. Network: {}, {} x {}, seen as `{}`.\n\n\
         ## Weights\n\n\
         {}. Licence: {}. blake3: `{}`.\n\n\
         {}\n\n\
         ## Calibration\n\n\
         Temperature {:.3}; fitted on {}.\n",
        words::plain_line(&about.name),
        words::plain_line(&about.version),
        about.labels.len(),
        provenance.backbone,
        input.width,
        input.height,
        views_text(&input.views),
        provenance.weights,
        provenance.licence,
        provenance.weights_hash,
        provenance.seen,
        calibration.temperature,
        calibration.fitted_on,
    );
    if let Some(prior) = &calibration.prior {
        card += &format!(
            "\nThe breeds are weighed by how frequent they are, with strength {:.2} (0 is not at all): {}. \
             Rare breeds are found less often for it; `--prior none` leaves it out.\n",
            prior.strength, prior.source,
        );
    }
    let unfamiliar = calibration
        .unfamiliar_below
        .map(|least| format!(" or its logit below {least:.2}"))
        .unwrap_or_default();
    let spread = calibration
        .spread_above
        .map(|most| format!(" or the entropy above {most:.2}"))
        .unwrap_or_default();
    // A network whose classes are all dogs has no answer 'not a dog'.
    if calibration.dog.is_some() {
        let least = calibration.not_a_dog_below;
        card += &format!("\n'Not a dog' below a dog probability of {least:.3}.\n");
    }
    card += &format!(
        "\n'Unsure' where the first breed's probability is below {:.3}{unfamiliar}{spread}; the group is \
         then named if its probability reaches {:.2}. A cross is likely where two breeds that are \
         not look-alikes have {:.2} together and the lesser one {:.2} of that.\n",
        calibration.unsure_below,
        calibration.group_from,
        calibration.mixed_together,
        calibration.mixed_share,
    );
    if let Some(fit) = fit {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        card += &format!(
            "\nOn the very photos that it was fitted on (so too good, and the weights may have \
             learnt from them as well):\n\n\
             | | dogs as they are | degraded |\n|---|---|---|\n\
             | first answer right | {} | {} |\n\
             | among the first five | {} | {} |\n\
             | answered 'not a dog' | {} | {} |\n\n\
             'Unsure' of the dogs as they are: {}. Of the photos without a dog {} are not \
             answered 'not a dog'.\n",
            percent(fit.top1[0]),
            percent(fit.top1[1]),
            percent(fit.top5[0]),
            percent(fit.top5[1]),
            percent(fit.dogs_missed[0]),
            percent(fit.dogs_missed[1]),
            percent(fit.unsure),
            percent(fit.not_dogs_taken),
        );
    }
    card += "\n## What to mind\n\n\
        It tells what a dog looks like, not what it is: of shelter dogs few are of one breed, and \
        people who look at them are often wrong as well. Breeds outside its classes are answered \
        'unsure' at best, or as a breed that looks like them. Drawings, several dogs in one photo \
        and dogs cut off are outside what it was checked on.\n";
    card
}
