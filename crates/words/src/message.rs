//! Messages by kind: what happened and what to do, in the person's language.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::Language;
use crate::fill::fill;

/// Declares [`Message`] from one list: the kind in `data/messages.toml`, the variant, the names of
/// the values that stand in its text. A misspelt kind or value does not compile; a kind that the
/// file lacks fails a test.
macro_rules! messages {
    ($($kind:literal => $variant:ident $({ $($value:ident),+ })?,)+) => {
        /// Something that museau says. The texts stand in `data/messages.toml`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Message<'value> {
            $(
                #[doc = concat!("`", $kind, "`")]
                $variant $({
                    $(
                        #[doc = concat!("Stands for `{", stringify!($value), "}`.")]
                        $value: &'value str,
                    )+
                })?,
            )+
        }

        impl<'value> Message<'value> {
            /// Every kind with the names of its values.
            pub const KINDS: &'static [(&'static str, &'static [&'static str])] =
                &[$(($kind, &[$($(stringify!($value)),+)?])),+];

            /// The kind, `section.name`, as in `data/messages.toml`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Message::$variant $({ $($value: _),+ })? => $kind,)+
                }
            }

            fn values(&self) -> Vec<(&'static str, &'value str)> {
                match *self {
                    $(Message::$variant $({ $($value),+ })? =>
                        vec![$($((stringify!($value), $value)),+)?],)+
                }
            }
        }
    };
}

messages! {
    "photo.empty" => PhotoEmpty,
    "photo.not_a_photo" => PhotoNotAPhoto,
    "photo.truncated" => PhotoTruncated,
    "photo.damaged" => PhotoDamaged,
    "photo.too_large" => PhotoTooLarge,
    "photo.busy" => PhotoBusy,
    "photo.unsupported_format" => PhotoUnsupportedFormat { format },
    "photo.unsupported_feature" => PhotoUnsupportedFeature,
    "photo.film" => PhotoFilm,
    "photo.camera_raw" => PhotoCameraRaw,
    "model.cannot_read" => ModelCannotRead { path, reason },
    "model.damaged" => ModelDamaged,
    "model.truncated" => ModelTruncated,
    "model.git_lfs_pointer" => ModelGitLfsPointer,
    "model.html_page" => ModelHtmlPage,
    "model.not_a_package" => ModelNotAPackage { found },
    "looks.empty" => LooksEmpty,
    "looks.zip" => LooksZip,
    "looks.hdf5" => LooksHdf5,
    "looks.pickle" => LooksPickle,
    "looks.picture" => LooksPicture,
    "looks.onnx" => LooksOnnx,
    "looks.gguf" => LooksGguf,
    "looks.tflite" => LooksTflite,
    "looks.gzip" => LooksGzip,
    "looks.recipe" => LooksRecipe,
    "looks.manifest" => LooksManifest,
    "looks.json" => LooksJson,
    "looks.text" => LooksText,
    "looks.other" => LooksOther,
    "model.foreign_safetensors" => ModelForeignSafetensors,
    "model.wrong_version" => ModelWrongVersion { found, supported },
    "model.wrong_hash" => ModelWrongHash,
    "model.weights_not_finite" => ModelWeightsNotFinite { name },
    "model.not_finite" => ModelNotFinite,
    "model.memory" => ModelMemory { needed, limit },
    "model.wrong_shapes" => ModelWrongShapes { detail },
    "make.weights_empty" => MakeWeightsEmpty,
    "make.weights_unknown" => MakeWeightsUnknown,
    "make.weights_damaged" => MakeWeightsDamaged { format, detail },
    "make.weights_unsupported" => MakeWeightsUnsupported { format, detail },
    "make.weights_too_large" => MakeWeightsTooLarge { format },
    "make.mismatch" => MakeMismatch,
    "make.other_shapes" => MakeOtherShapes { count },
    "make.missing" => MakeMissing { count },
    "make.unused" => MakeUnused { count },
    "make.not_finite" => MakeNotFinite { count },
    "make.unreadable" => MakeUnreadable { count, all },
    "make.more" => MakeMore { count },
    "make.network" => MakeNetwork { reason },
    "make.names" => MakeNames { backbone },
    "make.outputs" => MakeOutputs { outputs, wanted },
    "make.cannot_run" => MakeCannotRun { reason },
    "make.no_dogs" => MakeNoDogs,
    "make.no_others" => MakeNoOthers,
    "make.no_class" => MakeNoClass { path },
    "make.no_class_listed" => MakeNoClassListed { path },
    "models.classes" => ModelsClasses { count },
    "models.whole" => ModelsWhole { path, name, version },
    "file.cannot_read" => FileCannotRead { path, reason },
    "file.cannot_write" => FileCannotWrite { path, reason },
    "file.not_found" => FileNotFound { path },
    "file.folder_unreadable" => FileFolderUnreadable { path, reason },
    "file.no_photo_in_folder" => FileNoPhotoInFolder { path },
    "reason.not_found" => ReasonNotFound,
    "reason.permission_denied" => ReasonPermissionDenied,
    "reason.is_a_folder" => ReasonIsAFolder,
    "reason.not_a_folder" => ReasonNotAFolder,
    "reason.not_regular" => ReasonNotRegular,
    "reason.exists" => ReasonExists,
    "reason.too_large" => ReasonTooLarge,
    "reason.storage_full" => ReasonStorageFull,
    "reason.read_only" => ReasonReadOnly,
    "reason.address_not_available" => ReasonAddressNotAvailable,
    "reason.incomplete" => ReasonIncomplete,
    "reason.not_a_list" => ReasonNotAList,
    "reason.not_a_photo_name" => ReasonNotAPhotoName { name },
    "reason.other" => ReasonOther { detail },
    "dataset.no_class" => DatasetNoClass { path },
    "dataset.nothing_held_out" => DatasetNothingHeldOut { path },
    "dataset.link" => DatasetLink { path },
    "dataset.list" => DatasetList { path, reason },
    "dataset.part_official" => DatasetPartOfficial { count },
    "dataset.part_test_folder" => DatasetPartTestFolder { count },
    "dataset.part_all" => DatasetPartAll { count },
    "dataset.missing" => DatasetMissing { count },
    "dataset.left_out" => DatasetLeftOut { count, kinds },
    "dataset.ignored_part" => DatasetIgnoredPart { path },
    "dataset.table" => DatasetTable { path, line, reason },
    "dataset.archive" => DatasetArchive { path, reason },
    "dataset.nothing" => DatasetNothing { path },
    "dataset.unknown_class" => DatasetUnknownClass { name },
    "dataset.class_count" => DatasetClassCount { wanted, classes },
    "table.empty" => TableEmpty,
    "table.no_column" => TableNoColumn { column },
    "table.column_twice" => TableColumnTwice { column },
    "table.classes" => TableClasses { found, most },
    "table.row_twice" => TableRowTwice { name, first },
    "table.encoding" => TableEncoding { encoding },
    "table.fields" => TableFields,
    "table.value" => TableValue { column, value },
    "fetch.refused" => FetchRefused { place, answer },
    "fetch.broken" => FetchBroken { place, arrived, reason },
    "fetch.wrong_length" => FetchWrongLength { place, found, wanted },
    "fetch.wrong_bytes" => FetchWrongBytes { place },
    "fetch.pause" => FetchPause { reason, seconds },
    "fetch.in_use" => FetchInUse { path },
    "fetch.unknown" => FetchUnknown { name, known },
    "fetch.terms" => FetchTerms,
    "fetch.was_there" => FetchWasThere { path },
    "fetch.done" => FetchDone { folder },
    "archive.not_a_tar" => ArchiveNotATar,
    "archive.compressed" => ArchiveCompressed,
    "archive.cut_off" => ArchiveCutOff,
    "loader.changed" => LoaderChanged { path },
    "loader.photo" => LoaderPhoto { path, reason },
    "loader.prepare" => LoaderPrepare { reason },
    "loader.damaged" => LoaderDamaged { path },
    "loader.nothing" => LoaderNothing,
    "loader.thread" => LoaderThread,
    "preview.title" => PreviewTitle,
    "preview.introduction" => PreviewIntroduction { chain, seed },
    "preview.plain" => PreviewPlain,
    "preview.epoch" => PreviewEpoch { epoch },
    "step.expected" => StepExpected { position, expected },
    "step.unknown" => StepUnknown { position, name },
    "step.none" => StepNone { position, name, known },
    "step.no_parameter" => StepNoParameter { position, name },
    "step.count" => StepCount { position, step, usage },
    "step.value" => StepValue { position, value, argument, allowed },
    "step.too_long" => StepTooLong,
    "review.not_local" => ReviewNotLocal { address },
    "split.sealed" => SplitSealed,
    "split.left_out" => SplitLeftOut { path },
    "decision.unmet" => DecisionUnmet { path },
    "decision.new_class" => DecisionNewClass { name },
    "manifest.over_other" => ManifestOverOther { path },
    "manifest.over_source" => ManifestOverSource { path },
    "manifest.damaged" => ManifestDamaged { reason },
    "manifest.of_others" => ManifestOfOthers { path, photos },
    "manifest.replaced" => ManifestReplaced { path, photos, gone, added, changed },
    "review.nothing" => ReviewNothing { path },
    "http.forbidden" => HttpForbidden,
    "http.data" => HttpData { detail },
    "check.title" => CheckTitle,
    "check.introduction" => CheckIntroduction { photos },
    "check.too_few_to_judge" => CheckTooFewToJudge { photos, folds },
    "check.found" => CheckFound,
    "check.count" => CheckCount,
    "check.first" => CheckFirst { shown },
    "check.twins_across_classes" => CheckTwinsAcrossClasses,
    "check.twins_across_splits" => CheckTwinsAcrossSplits,
    "check.same_file" => CheckSameFile,
    "check.twins" => CheckTwins,
    "check.unreadable" => CheckUnreadable,
    "check.mislabelled" => CheckMislabelled,
    "check.label_suspect" => CheckLabelSuspect,
    "check.fake_extension" => CheckFakeExtension,
    "check.tiny" => CheckTiny,
    "check.dark" => CheckDark,
    "check.bright" => CheckBright,
    "check.blurred" => CheckBlurred,
    "check.low_information" => CheckLowInformation,
    "check.gray" => CheckGray,
    "check.odd_aspect" => CheckOddAspect,
    "check.rotated" => CheckRotated,
    "check.box_outside" => CheckBoxOutside,
    "check.wild_canid" => CheckWildCanid,
    "check.imbalance" => CheckImbalance,
    "explore.title" => ExploreTitle,
    "explore.introduction" => ExploreIntroduction { photos, classes },
    "explore.sealed" => ExploreSealed,
    "explore.numbers" => ExploreNumbers,
    "explore.per_class" => ExplorePerClass,
    "explore.photos" => ExplorePhotos,
    "explore.sizes" => ExploreSizes,
    "explore.width" => ExploreWidth,
    "explore.height" => ExploreHeight,
    "explore.pixels" => ExplorePixels,
    "explore.aspects" => ExploreAspects,
    "explore.brightness" => ExploreBrightness,
    "explore.contrast" => ExploreContrast,
    "explore.sharpness" => ExploreSharpness,
    "explore.colors" => ExploreColors,
    "explore.red" => ExploreRed,
    "explore.green" => ExploreGreen,
    "explore.blue" => ExploreBlue,
    "explore.channel" => ExploreChannel,
    "explore.mean" => ExploreMean,
    "explore.deviation" => ExploreDeviation,
    "explore.channels" => ExploreChannels,
    "explore.box_areas" => ExploreBoxAreas,
    "explore.box_places" => ExploreBoxPlaces,
    "explore.boxes" => ExploreBoxes,
    "explore.samples" => ExploreSamples,
    "explore.mean_image" => ExploreMeanImage { class },
    "explore.brightness_per_class" => ExploreBrightnessPerClass,
    "evaluate.title" => EvaluateTitle { model },
    "evaluate.introduction" => EvaluateIntroduction { photos, part, dataset, classes },
    "evaluate.on_test" => EvaluateOnTest,
    "evaluate.on_train" => EvaluateOnTrain,
    "evaluate.trained" => EvaluateTrained { dataset, fitted, chosen, hash },
    "evaluate.seen" => EvaluateSeen { count },
    "evaluate.looked_at" => EvaluateLookedAt { count },
    "evaluate.calibrated_on" => EvaluateCalibratedOn { count },
    "evaluate.unseen" => EvaluateUnseen,
    "evaluate.figures" => EvaluateFigures,
    "evaluate.over_all" => EvaluateOverAll { classes },
    "evaluate.restricted" => EvaluateRestricted { classes },
    "evaluate.estimate" => EvaluateEstimate { value, low, high },
    "evaluate.intervals" => EvaluateIntervals,
    "evaluate.top_1" => EvaluateTop1,
    "evaluate.top_5" => EvaluateTop5,
    "evaluate.macro_f1" => EvaluateMacroF1,
    "evaluate.ece" => EvaluateEce,
    "evaluate.likelihood" => EvaluateLikelihood,
    "evaluate.brier" => EvaluateBrier,
    "evaluate.plain" => EvaluatePlain { ece, likelihood, brier, temperature },
    "evaluate.answers" => EvaluateAnswers { dog, unsure, not_a_dog },
    "evaluate.unreadable" => EvaluateUnreadable { count },
    "evaluate.not_imported" => EvaluateNotImported { count, names },
    "evaluate.unknown" => EvaluateUnknown { count, names },
    "evaluate.no_row" => EvaluateNoRow,
    "evaluate.no_class" => EvaluateNoClass,
    "evaluate.no_photo" => EvaluateNoPhoto,
    "evaluate.no_numbers" => EvaluateNoNumbers { reason },
    "evaluate.no_part" => EvaluateNoPart { path, part, parts },
    "evaluate.fit_elsewhere" => EvaluateFitElsewhere,
    "evaluate.fit_a_table" => EvaluateFitATable,
    "evaluate.fitted" => EvaluateFitted { path, before, after, unsure, photos, ece_before, ece_after, likelihood_before, likelihood_after },
    "evaluate.comparisons" => EvaluateComparisons,
    "evaluate.compared" => EvaluateCompared { first, first_share, second, second_share, photos, classes },
    "evaluate.better" => EvaluateBetter { better, more, worse, fewer, p },
    "compare.uneven" => CompareUneven { base, with },
    "compare.twice" => CompareTwice { model },
    "compare.seed_twice" => CompareSeedTwice { group, seed },
    "compare.seeds" => CompareSeeds { pair, base, with },
    "compare.mixed" => CompareMixed { group, keys },
    "compare.alike" => CompareAlike,
    "compare.differs" => CompareDiffers { keys },
    "compare.several" => CompareSeveral { keys },
    "compare.no_record" => CompareNoRecord,
    "compare.seen" => CompareSeen { count },
    "compare.one_pair" => CompareOnePair { difference },
    "compare.gain" => CompareGain { difference, interval, pairs, p },
    "compare.loss" => CompareLoss { difference, interval, pairs, p },
    "compare.no_difference" => CompareNoDifference { difference, interval, pairs, p },
    "compare.interval" => CompareInterval { low, high },
    "compare.no_interval" => CompareNoInterval,
    "compare.other_photos" => CompareOtherPhotos { first, first_only, second, second_only },
    "compare.too_few" => CompareTooFew { needed },
    "evaluate.no_difference" => EvaluateNoDifference { first, only_first, second, only_second, p },
    "evaluate.baseline" => EvaluateBaseline { second },
    "evaluate.contaminated" => EvaluateContaminated,
    "evaluate.no_baseline" => EvaluateNoBaseline,
    "evaluate.calibration" => EvaluateCalibration,
    "evaluate.reliability" => EvaluateReliability,
    "evaluate.announced" => EvaluateAnnounced,
    "evaluate.right_share" => EvaluateRightShare,
    "evaluate.ideal" => EvaluateIdeal,
    "evaluate.bin" => EvaluateBin,
    "evaluate.numbers" => EvaluateNumbers,
    "evaluate.per_class" => EvaluatePerClass,
    "evaluate.class" => EvaluateClass,
    "evaluate.photos" => EvaluatePhotos,
    "evaluate.precision" => EvaluatePrecision,
    "evaluate.recall" => EvaluateRecall,
    "evaluate.f1" => EvaluateF1,
    "evaluate.confusion" => EvaluateConfusion,
    "evaluate.confusion_introduction" => EvaluateConfusionIntroduction,
    "evaluate.truth" => EvaluateTruth,
    "evaluate.answer" => EvaluateAnswer,
    "evaluate.confused" => EvaluateConfused,
    "evaluate.confused_pair" => EvaluateConfusedPair { first, second, one, other },
    "evaluate.worst" => EvaluateWorst,
    "evaluate.mistake" => EvaluateMistake { label, answer, percent },
    "filter.resize" => FilterResize,
    "filter.crop" => FilterCrop,
    "filter.gray" => FilterGray,
    "filter.gamma" => FilterGamma,
    "filter.exposure" => FilterExposure,
    "filter.contrast" => FilterContrast,
    "filter.equalise" => FilterEqualise,
    "filter.clahe" => FilterClahe,
    "filter.gaussian" => FilterGaussian,
    "filter.median" => FilterMedian,
    "filter.bilateral" => FilterBilateral,
    "filter.non_local_means" => FilterNonLocalMeans,
    "preprocess.no_step" => PreprocessNoStep,
    "preprocess.over_original" => PreprocessOverOriginal { path },
    "preprocess.over_other" => PreprocessOverOther { paths },
    "preprocess.into_source" => PreprocessIntoSource { path, source },
    "preprocess.too_large" => PreprocessTooLarge { path },
    "gallery.title" => GalleryTitle,
    "gallery.introduction" => GalleryIntroduction { pipeline },
    "gallery.left_out" => GalleryLeftOut { count },
    "gallery.no_photo" => GalleryNoPhoto,
    "gallery.before" => GalleryBefore,
    "gallery.after" => GalleryAfter,
    "gallery.slider" => GallerySlider,
    "gallery.step" => GalleryStep,
    "gallery.time" => GalleryTime,
    "gallery.size" => GallerySize,
    "gallery.histogram" => GalleryHistogram { step },
    "gallery.level" => GalleryLevel,
    "gallery.share" => GalleryShare,
    "gallery.numbers" => GalleryNumbers,
    "explore.map" => ExploreMap,
    "explore.map_introduction" => ExploreMapIntroduction { share },
    "http.body_too_large" => HttpBodyTooLarge { limit },
    "http.not_a_form" => HttpNotAForm,
    "http.encoded_body" => HttpEncodedBody { coding },
    "http.bad_multipart" => HttpBadMultipart,
    "http.missing_photo" => HttpMissingPhoto,
    "http.too_many_photos" => HttpTooManyPhotos { limit },
    "http.bad_request" => HttpBadRequest { detail },
    "http.busy" => HttpBusy,
    "http.timeout" => HttpTimeout,
    "http.not_found" => HttpNotFound,
    "http.method_not_allowed" => HttpMethodNotAllowed,
    "http.internal" => HttpInternal,
    "http.model_not_finite" => HttpModelNotFinite,
    "http.unreachable" => HttpUnreachable,
    "http.box_outside" => HttpBoxOutside,
    "http.box_too_small" => HttpBoxTooSmall,
    "http.foreign_name" => HttpForeignName,
    "http.no_host" => HttpNoHost,
    "server.port_in_use" => ServerPortInUse { address },
    "server.cannot_listen" => ServerCannotListen { address, reason },
    "server.cannot_start" => ServerCannotStart { reason },
    "server.not_an_address" => ServerNotAnAddress { address },
    "server.ready" => ServerReady { address },
    "server.ready_network" => ServerReadyNetwork { address },
    "server.stopping" => ServerStopping,
    "answer.looks_like" => AnswerLooksLike,
    "answer.looks_like_breed" => AnswerLooksLikeBreed { breed, confidence, percent },
    "answer.mixed" => AnswerMixed,
    "answer.mixed_breeds" => AnswerMixedBreeds { first, second },
    "answer.unsure" => AnswerUnsure,
    "answer.unsure_group" => AnswerUnsureGroup { group },
    "answer.not_a_dog" => AnswerNotADog,
    "answer.closest" => AnswerClosest,
    "answer.others" => AnswerOthers,
    "answer.look_alikes" => AnswerLookAlikes,
    "answer.looks_only" => AnswerLooksOnly,
    "confidence.very_likely" => ConfidenceVeryLikely,
    "confidence.likely" => ConfidenceLikely,
    "confidence.maybe" => ConfidenceMaybe,
    "confidence.unlikely" => ConfidenceUnlikely,
    "quality.dark" => QualityDark,
    "quality.blurred" => QualityBlurred,
    "quality.tiny" => QualityTiny,
    "notice.category" => NoticeCategory,
    "notice.wild" => NoticeWild,
    "train.unknown" => TrainUnknown { what, name, known },
    "train.option" => TrainOption { name, option },
    "train.range" => TrainRange { option, value, range },
    "train.kept" => TrainKept { name },
    "train.toml" => TrainToml { lines },
    "train.key" => TrainKey { key },
    "train.key_twice" => TrainKeyTwice { key, other },
    "train.value" => TrainValue { key, value, kind },
    "train.not_its_own" => TrainNotItsOwn { network },
    "train.steps" => TrainSteps { key, reason },
    "train.views" => TrainViews { view },
    "train.network" => TrainNetwork { reason },
    "train.nothing_trained" => TrainNothingTrained,
    "shape.layer" => ShapeLayer { name, op, reason },
    "shape.layer_on" => ShapeLayerOn { name, op, inputs, reason },
    "shape.uncountable" => ShapeUncountable { shape },
    "shape.padding_fills_window" => ShapePaddingFillsWindow,
    "shape.no_window" => ShapeNoWindow,
    "shape.window_too_large" => ShapeWindowTooLarge,
    "shape.too_many" => ShapeTooMany,
    "shape.nothing_left" => ShapeNothingLeft,
    "shape.blocks" => ShapeBlocks,
    "shape.even_kernel" => ShapeEvenKernel,
    "shape.dropout" => ShapeDropout,
    "train.no_source" => TrainNoSource,
    "train.classes" => TrainClasses { count },
    "train.empty_class" => TrainEmptyClass { class },
    "train.memory" => TrainMemory { needed, parameters, working, limit },
    "train.not_finite" => TrainNotFinite { epoch, batch, rate, place },
    "train.in_use" => TrainInUse { path },
    "train.taken" => TrainTaken { path },
    "train.no_run" => TrainNoRun { path },
    "train.checkpoint" => TrainCheckpoint { path, reason },
    "train.best_network" => TrainBestNetwork { path, reason },
    "train.holds_source" => TrainHoldsSource { path, source },
    "train.other_recipe" => TrainOtherRecipe { path },
    "train.other_photos" => TrainOtherPhotos { path },
    "train.threads" => TrainThreads { before, now },
    "train.older_checkpoint" => TrainOlderCheckpoint { reason },
    "train.large" => TrainLarge { parameters },
    "train.not_empty" => TrainNotEmpty { path },
    "train.kind_text" => TrainKindText,
    "train.kind_whole" => TrainKindWhole,
    "train.kind_number" => TrainKindNumber,
    "train.kind_switch" => TrainKindSwitch,
    "train.kind_wholes" => TrainKindWholes,
    "train.instructions" => TrainInstructions { before, now },
    "train.resume_key" => TrainResumeKey { key },
    "train.not_begun" => TrainNotBegun { name },
    "file.over_other" => FileOverOther { path },
    "manifest.under" => ManifestUnder { path },
    "train.begins" => TrainBegins { name, train, validation, classes, parameters, memory, threads },
    "train.interrupt" => TrainInterrupt,
    "train.left_out" => TrainLeftOut { count },
    "train.no_validation" => TrainNoValidation { keys },
    "train.plateau_of_training" => TrainPlateauOfTraining,
    "train.uncalibrated" => TrainUncalibrated { count, all, path },
    "train.unfinished" => TrainUnfinished { path, name },
    "train.freeze" => TrainFreeze { prefix },
    "curve.title" => CurveTitle { name },
    "curve.introduction" => CurveIntroduction { epochs, kept },
    "curve.kept" => CurveKept { kept },
    "curve.epoch" => CurveEpoch,
    "curve.loss" => CurveLoss,
    "curve.accuracy" => CurveAccuracy,
    "curve.train" => CurveTrain,
    "curve.validation" => CurveValidation,
    "runs.nothing_there" => RunsNothingThere { path },
    "runs.cannot_open" => RunsCannotOpen { path, reason },
    "runs.not_a_database" => RunsNotADatabase { path },
    "runs.foreign" => RunsForeign { path },
    "runs.newer" => RunsNewer { path, found, supported },
    "runs.locked" => RunsLocked { path },
    "runs.disk_full" => RunsDiskFull { path },
    "runs.read_only" => RunsReadOnly { path },
    "runs.damaged" => RunsDamaged { path },
    "runs.refused" => RunsRefused { path, detail },
    "runs.no_such_run" => RunsNoSuchRun { wanted },
    "runs.ambiguous" => RunsAmbiguous { wanted, runs },
    "runs.taken_over" => RunsTakenOver { run },
    "runs.goes_on" => RunsGoesOn,
    "runs.unrecorded" => RunsUnrecorded,
    "runs.begins_anew" => RunsBeginsAnew,
    "runs.no_column" => RunsNoColumn { name, known },
    "runs.is_running" => RunsIsRunning { run },
    "runs.removed" => RunsRemoved { run },
    "runs.files_left" => RunsFilesLeft { folder, count, names },
    "runs.folder_of_other" => RunsFolderOfOther { folder },
    "runs.shown" => RunsShown { shown, all },
    "runs.same_parameters" => RunsSameParameters,
    "runs.export_name" => RunsExportName { path },
    "runs.exported" => RunsExported { path, count },
    "runs.name" => RunsName,
    "runs.kind" => RunsKind,
    "runs.state" => RunsState,
    "runs.started" => RunsStarted,
    "runs.spent" => RunsSpent,
    "runs.step" => RunsStep,
    "runs.values_of" => RunsValuesOf,
    "runs.kept" => RunsKept,
    "runs.seed" => RunsSeed,
    "runs.folder" => RunsFolder,
    "runs.parameters" => RunsParameters,
    "runs.metrics" => RunsMetrics,
    "runs.artefacts" => RunsArtefacts,
    "runs.environment" => RunsEnvironment,
    "runs.latest" => RunsLatest,
    "runs.best" => RunsBest,
    "runs.at_step" => RunsAtStep,
    "runs.curve" => RunsCurve,
    "runs.size" => RunsSize,
    "runs.path" => RunsPath,
    "runs.running" => RunsRunning,
    "runs.complete" => RunsComplete,
    "runs.failed" => RunsFailed,
    "runs.interrupted" => RunsInterrupted,
    "usage.unknown_argument" => UsageUnknownArgument { argument },
    "usage.unknown_verb" => UsageUnknownVerb { verb },
    "usage.missing_value" => UsageMissingValue { argument },
    "usage.not_one_of" => UsageNotOneOf { argument, value, allowed },
    "usage.wrong_value" => UsageWrongValue { argument, value, wanted },
    "usage.missing" => UsageMissing { arguments },
    "usage.conflict" => UsageConflict { argument, other },
    "usage.no_verb" => UsageNoVerb { command, verbs },
    "usage.too_few" => UsageTooFew { argument, wanted, given },
    "usage.no_value" => UsageNoValue { argument, value },
    "usage.meant" => UsageMeant { meant },
    "usage.line" => UsageLine { lines },
    "usage.help" => UsageHelp,
}

impl Message<'_> {
    /// What happened, without what to do.
    pub fn text(&self, language: Language) -> String {
        fill(TEXTS[self.kind()].text(language), &self.values())
    }

    /// What to do about it, where there is something to do.
    pub fn hint(&self, language: Language) -> Option<String> {
        TEXTS[self.kind()]
            .hint(language)
            .map(|hint| fill(hint, &self.values()))
    }
}

/// What happened and, where there is something to do, what to do about it, in one paragraph.
pub fn message(language: Language, message: Message<'_>) -> String {
    paragraph(message.text(language), message.hint(language))
}

/// The message that a name is unknown; then the one that was probably meant, where there is one, and
/// what to do.
pub fn message_unknown(language: Language, message: Message<'_>, meant: Option<&str>) -> String {
    let meant = meant.map(|meant| Message::UsageMeant { meant }.text(language));
    paragraph(
        message.text(language),
        meant.into_iter().chain(message.hint(language)),
    )
}

fn paragraph(mut said: String, more: impl IntoIterator<Item = String>) -> String {
    for sentence in more {
        said.push_str(if said.ends_with(['.', '!', '?', ')']) {
            " "
        } else {
            ". "
        });
        said.push_str(&sentence);
    }
    said
}

/// One kind in both languages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    fr: String,
    en: String,
    fr_hint: Option<String>,
    en_hint: Option<String>,
}

impl Texts {
    fn text(&self, language: Language) -> &str {
        match language {
            Language::French => &self.fr,
            Language::English => &self.en,
        }
    }

    fn hint(&self, language: Language) -> Option<&str> {
        match language {
            Language::French => self.fr_hint.as_deref(),
            Language::English => self.en_hint.as_deref(),
        }
    }
}

/// The texts by kind (`section.name`).
static TEXTS: LazyLock<BTreeMap<String, Texts>> = LazyLock::new(|| {
    let sections: BTreeMap<String, BTreeMap<String, Texts>> =
        toml::from_str(include_str!("../data/messages.toml"))
            .expect("data/messages.toml is read by a test");
    sections
        .into_iter()
        .flat_map(|(section, kinds)| {
            kinds
                .into_iter()
                .map(move |(name, texts)| (format!("{section}.{name}"), texts))
        })
        .collect()
});

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fill::next_placeholder;

    /// The names of the placeholders in a text and its hint.
    fn placeholders(texts: &Texts, language: Language) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for text in [Some(texts.text(language)), texts.hint(language)] {
            let mut rest = text.unwrap_or_default();
            while let Some((_, name, after)) = next_placeholder(rest) {
                names.insert(name);
                rest = after;
            }
            assert!(!rest.contains(['{', '}']), "stray brace in '{rest}'");
        }
        names
    }

    #[test]
    fn the_list_and_the_file_name_the_same_kinds() {
        let listed: BTreeSet<_> = Message::KINDS.iter().map(|(kind, _)| *kind).collect();
        let written: BTreeSet<_> = TEXTS.keys().map(String::as_str).collect();
        assert_eq!(listed, written);
        assert_eq!(listed.len(), Message::KINDS.len(), "a kind is listed twice");
    }

    #[test]
    fn both_languages_have_the_same_values_and_hints() {
        for (kind, values) in Message::KINDS {
            let texts = &TEXTS[*kind];
            let expected: BTreeSet<_> = values.iter().copied().collect();
            for language in Language::ALL {
                assert_eq!(
                    placeholders(texts, language),
                    expected,
                    "{kind} {language:?}"
                );
                assert!(!texts.text(language).trim().is_empty(), "{kind}");
                assert!(
                    texts
                        .hint(language)
                        .is_none_or(|hint| !hint.trim().is_empty()),
                    "{kind}"
                );
            }
            assert_eq!(texts.fr_hint.is_some(), texts.en_hint.is_some(), "{kind}");
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        for (kind, texts) in TEXTS.iter() {
            if ["photo.", "model.", "file."]
                .iter()
                .any(|section| kind.starts_with(section))
            {
                assert!(texts.fr_hint.is_some(), "{kind} does not say what to do");
            }
        }
    }

    /// U+202F before ; ! and ?, U+00A0 before : and % and inside «guillemets», ’ for an apostrophe.
    fn french_faults(text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let characters: Vec<char> = text.chars().collect();
        for (place, &character) in characters.iter().enumerate() {
            let before = place.checked_sub(1).map(|index| characters[index]);
            let after = characters.get(place + 1).copied();
            let right = match character {
                ';' | '!' | '?' => before == Some('\u{202f}'),
                // What is typed ('127.0.0.1:8001', 'class:NOM') is not punctuation.
                ':' => before == Some('\u{a0}') || after.is_some_and(char::is_alphanumeric),
                '%' | '»' => before == Some('\u{a0}'),
                '«' => after == Some('\u{a0}'),
                '\'' | '"' => false,
                ' ' => before != Some(' ') && after.is_some(),
                _ => true,
            };
            if !right {
                faults.push(format!("'{character}' at {place} of '{text}'"));
            }
        }
        if text.contains("...") {
            faults.push(format!("three points for an ellipsis in '{text}'"));
        }
        faults
    }

    #[test]
    fn french_is_typographically_right() {
        for texts in TEXTS.values() {
            for text in [Some(&texts.fr), texts.fr_hint.as_ref()]
                .into_iter()
                .flatten()
            {
                assert_eq!(french_faults(text), Vec::<String>::new());
            }
        }
        for group in crate::groups() {
            for text in [&group.article_fr, &group.short_fr, &group.official_fr] {
                assert_eq!(french_faults(text), Vec::<String>::new());
            }
        }
        for wrong in [
            "Quoi ?", "l'os", "a : b", "« a »", "50 %", "bon; mal", "fin...",
        ] {
            assert!(!french_faults(wrong).is_empty(), "{wrong}");
        }
    }

    #[test]
    fn english_uses_curly_apostrophes_too() {
        for texts in TEXTS.values() {
            for text in [Some(&texts.en), texts.en_hint.as_ref()]
                .into_iter()
                .flatten()
            {
                assert!(!text.contains(['\'', '"']), "{text}");
                assert!(!text.contains("  "), "{text}");
            }
        }
    }

    #[test]
    fn values_are_filled_in_once() {
        let said = message(
            Language::English,
            Message::FileCannotRead {
                path: "{reason}.jpg",
                reason: "permission denied",
            },
        );
        assert_eq!(
            said,
            "The file {reason}.jpg could not be read: permission denied. \
             Check its name and its permissions."
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_one_that_was_meant_only_where_there_is_one() {
        let said = |meant| {
            let unknown = Message::TrainKey { key: "epocs" };
            message_unknown(Language::English, unknown, meant)
        };
        assert_eq!(
            said(Some("train.epochs")),
            "Unknown recipe key ‘epocs’. Did you mean ‘train.epochs’? \
             `museau train --help` lists the keys."
        );
        assert_eq!(
            said(None),
            "Unknown recipe key ‘epocs’. `museau train --help` lists the keys."
        );
    }

    #[test]
    fn an_answer_and_its_hint_are_two_sentences() {
        let said = message(Language::French, Message::AnswerNotADog);
        assert_eq!(
            said,
            "Pas de chien sur cette photo. S’il y a bien un chien, encadrez-le."
        );
        assert_eq!(
            Message::AnswerNotADog.text(Language::French),
            "Pas de chien sur cette photo"
        );
    }

    #[test]
    fn the_category_notice_names_a_vet_and_decides_nothing() {
        for (language, vet) in [
            (Language::French, "vétérinaire"),
            (Language::English, "vet"),
        ] {
            let said = Message::NoticeCategory.text(language);
            assert!(said.contains(vet), "{said}");
        }
    }
}
