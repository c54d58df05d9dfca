//! Runs as programs read them. A number that JSON does not have is a text: `"NaN"`, `"Infinity"`,
//! `"-Infinity"`.
use super::text::instant;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use study::{Details, Metric, Point, RunRow};

/// A run as a list has it.
#[derive(Serialize)]
pub struct Row<'a> {
    id: &'a str,
    name: &'a str,
    kind: &'a str,
    state: &'a str,
    started: Option<String>,
    ended: Option<String>,
    seconds: f64,
    step: Option<u64>,
    kept_step: Option<u64>,
    seed: Option<u64>,
    folder: Option<String>,
    metrics: BTreeMap<&'a str, MetricJson>,
    parameters: &'a BTreeMap<String, String>,
}

/// The latest and the best value of a metric, and that of the step that the run keeps.
#[derive(Serialize)]
pub struct MetricJson {
    goal: Option<&'static str>,
    last: PointJson,
    best: Option<PointJson>,
    kept: Option<PointJson>,
}

/// A step and its value.
#[derive(Serialize)]
struct PointJson {
    step: u64,
    value: Number,
}

/// A number that JSON may not have.
#[derive(Clone, Copy)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.0;
        if value.is_finite() {
            serializer.serialize_f64(value)
        } else if value.is_nan() {
            serializer.serialize_str("NaN")
        } else {
            serializer.serialize_str(if value > 0.0 { "Infinity" } else { "-Infinity" })
        }
    }
}

impl From<Point> for PointJson {
    fn from(point: Point) -> Self {
        PointJson {
            step: point.step,
            value: Number(point.value),
        }
    }
}

impl From<&Metric> for MetricJson {
    fn from(metric: &Metric) -> Self {
        MetricJson {
            goal: metric.goal.name(),
            last: metric.last.into(),
            best: metric.best.map(PointJson::from),
            kept: metric.kept.map(PointJson::from),
        }
    }
}

impl<'a> Row<'a> {
    /// Of a run.
    pub fn new(row: &'a RunRow) -> Self {
        let metrics = row.metrics.iter();
        Row {
            id: &row.id,
            name: &row.name,
            kind: &row.kind,
            state: row.state.name(),
            started: instant(row.started),
            ended: row.ended.and_then(instant),
            seconds: row.spent as f64 / 1000.0,
            step: row.step,
            kept_step: row.kept,
            seed: row.seed,
            folder: row.folder.as_ref().map(|path| path.display().to_string()),
            metrics: metrics
                .map(|(name, metric)| (name.as_str(), metric.into()))
                .collect(),
            parameters: &row.parameters,
        }
    }
}

/// A run with all but its series.
#[derive(Serialize)]
pub struct Whole<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    environment: &'a BTreeMap<String, String>,
    artefacts: Vec<ArtefactJson<'a>>,
}

/// A file that a run made.
#[derive(Serialize)]
struct ArtefactJson<'a> {
    kind: &'a str,
    path: String,
    size: u64,
    blake3: &'a str,
}

impl<'a> Whole<'a> {
    /// Of a run.
    pub fn new(run: &'a Details) -> Self {
        let artefacts = run.artefacts.iter().map(|artefact| ArtefactJson {
            kind: &artefact.kind,
            path: artefact.path.display().to_string(),
            size: artefact.size,
            blake3: &artefact.hash,
        });
        Whole {
            row: Row::new(&run.row),
            environment: &run.environment,
            artefacts: artefacts.collect(),
        }
    }
}
