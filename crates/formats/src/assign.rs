//! Hands a file's tensors to the parameters that a graph wants: strict both ways.
use graph::{Layout, Matching, ParameterSpec, WeightNames, WeightRow};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use tensor::{NamedTensors, Shape, Tensor};

/// Why the tensors of a file do not fit the parameters of a graph. Nothing is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Parameters that nothing fills: name, shape, and what the file was expected to call it.
    pub missing: Vec<(String, Shape, Option<String>)>,
    /// Tensors of the file that nothing uses and no rule names: name, shape.
    pub unused: Vec<(String, Shape)>,
    /// Pairs whose shapes do not agree.
    pub shapes: Vec<ShapeMismatch>,
    /// Tensors that would be used and hold a value that is infinite or not a number (a training
    /// that ran away): nothing that they predict would mean anything.
    pub not_finite: Vec<String>,
}

/// A tensor that belongs to a parameter by its name, but not by its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeMismatch {
    /// The tensor's name in the file.
    pub source: String,
    /// Its shape there.
    pub has: Shape,
    /// The parameter's name in the graph.
    pub parameter: String,
    /// The shape that the file should have, in the file's layout.
    pub wants: Shape,
}

/// Most lines of each kind that the message shows; all are in the fields.
const SHOWN: usize = 8;

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the weights do not fit the model")?;
        let mut section = |title: &str, lines: Vec<String>| -> fmt::Result {
            if lines.is_empty() {
                return Ok(());
            }
            write!(formatter, "\n{title} ({}):", lines.len())?;
            for line in lines.iter().take(SHOWN) {
                write!(formatter, "\n  {line}")?;
            }
            if lines.len() > SHOWN {
                write!(formatter, "\n  and {} more", lines.len() - SHOWN)?;
            }
            Ok(())
        };
        let shape = |m: &ShapeMismatch| {
            format!(
                "weights: `{}` has {}, the model wants {}",
                m.source, m.has, m.wants
            )
        };
        section("of another shape", self.shapes.iter().map(shape).collect())?;
        let missing = |(name, shape, source): &(String, Shape, Option<String>)| match source {
            Some(source) if source != name => format!("`{name}` {shape}, looked for as `{source}`"),
            _ => format!("`{name}` {shape}"),
        };
        section(
            "wanted by the model, not in the file",
            self.missing.iter().map(missing).collect(),
        )?;
        let unused = |(name, shape): &(String, Shape)| format!("`{name}` {shape}");
        section(
            "in the file, not in the model",
            self.unused.iter().map(unused).collect(),
        )?;
        let broken = |name: &String| format!("`{name}`");
        section(
            "infinite or not a number",
            self.not_finite.iter().map(broken).collect(),
        )
    }
}

impl std::error::Error for Mismatch {}

/// Fills `parameters` from `source` by the rules of `names`: the result holds each parameter once,
/// under the graph's name, in the graph's layout and order. Rows for parameters that the graph has
/// not (a head that was left out) are passed over.
///
/// # Errors
/// [`Mismatch`] where a parameter stays empty, a tensor is left over that no rule names as ignored,
/// a shape differs, or a value is not finite.
pub fn assign(
    parameters: &[ParameterSpec],
    source: NamedTensors,
    names: &WeightNames,
) -> Result<NamedTensors, Mismatch> {
    Ok(fit(parameters, &source, names)?.fill())
}

/// Tensors of a file that fit the parameters of a graph.
#[derive(Debug)]
pub struct Fit<'a> {
    /// In the parameters' order.
    pairs: Vec<(&'a ParameterSpec, Layout, &'a Tensor)>,
    /// Tensors that were left aside since the rows are [`WeightNames::partial`]: name, shape.
    pub left: Vec<(&'a str, Shape)>,
}

impl Fit<'_> {
    /// The parameters, in the graph's layouts and order.
    pub fn fill(&self) -> NamedTensors {
        let fill = |&(spec, layout, tensor): &(&ParameterSpec, Layout, &Tensor)| {
            (spec.name.clone(), to_graph(layout, spec.shape, tensor))
        };
        self.pairs.iter().map(fill).collect()
    }
}

/// Finds the tensor for each of `parameters`, as [`assign`] does, and copies nothing yet.
///
/// # Errors
/// As [`assign`].
pub fn fit<'a>(
    parameters: &'a [ParameterSpec],
    source: &'a NamedTensors,
    names: &'a WeightNames,
) -> Result<Fit<'a>, Mismatch> {
    let wanted: HashMap<&str, &ParameterSpec> = parameters
        .iter()
        .map(|spec| (spec.name.as_str(), spec))
        .collect();
    let rows: Vec<&WeightRow> = names
        .rows
        .iter()
        .filter(|row| wanted.contains_key(row.parameter.as_str()))
        .collect();
    let matched: HashMap<&str, (Layout, &str)> = pairs(&rows, source, names)
        .into_iter()
        .map(|(row, found)| (row.parameter.as_str(), (row.layout, found)))
        .collect();
    let mut mismatch = Mismatch::default();
    let mut filled = Vec::with_capacity(parameters.len());
    for spec in parameters {
        let Some(&(layout, found)) = matched.get(spec.name.as_str()) else {
            let row = rows.iter().find(|row| row.parameter == spec.name);
            let looked_for = row.and_then(|row| row.sources.first()).cloned();
            let missing = (spec.name.clone(), spec.shape, looked_for);
            mismatch.missing.push(missing);
            continue;
        };
        let tensor = &source[found];
        if !tensor.stored().all_finite() {
            mismatch.not_finite.push(found.to_string());
        }
        let wants = stored_shape(layout, spec.shape);
        if agree(layout, tensor.shape(), wants) {
            filled.push((spec, layout, tensor));
        } else {
            mismatch.shapes.push(ShapeMismatch {
                source: found.to_string(),
                has: tensor.shape(),
                parameter: spec.name.clone(),
                wants,
            });
        }
    }
    let used: HashSet<&str> = matched.values().map(|&(_, found)| found).collect();
    let left: Vec<(&str, Shape)> = source
        .iter()
        .filter(|(name, _)| !used.contains(name.as_str()) && !is_ignored(name, &names.ignored))
        .filter(|(name, tensor)| !is_one_of(name, &names.ones) || !is_ones(tensor))
        .map(|(name, tensor)| (name.as_str(), tensor.shape()))
        .collect();
    let wanted = |&&(name, _): &&(&str, Shape)| !names.partial || is_one_of(name, &names.ones);
    let unused = left.iter().filter(wanted);
    mismatch.unused = unused
        .map(|&(name, shape)| (name.to_owned(), shape))
        .collect();
    match mismatch == Mismatch::default() {
        true => Ok(Fit {
            pairs: filled,
            left,
        }),
        false => Err(mismatch),
    }
}

/// A row and the name of its tensor.
type Pair<'a> = (&'a WeightRow, &'a str);

/// Rows with their tensors, by the rules of `names`.
fn pairs<'a>(
    rows: &[&'a WeightRow],
    source: &'a NamedTensors,
    names: &WeightNames,
) -> Vec<Pair<'a>> {
    let by_name = || match_by_name(rows, source);
    let by_position = || match_by_position(rows, source, names);
    match names.matching {
        Matching::Name => by_name(),
        Matching::NameOrPosition => {
            let pairs = by_name();
            match pairs.len() < rows.len() {
                true => by_position().unwrap_or(pairs),
                false => pairs,
            }
        }
        Matching::Position => by_position().unwrap_or_else(|| match_by_number(rows, source)),
        Matching::Order => by_position().unwrap_or_default(),
    }
}

/// Whether a tensor of shape `has` is what a file of this layout has for `wants`: a dense layer may be
/// written as a convolution.
fn agree(layout: Layout, has: Shape, wants: Shape) -> bool {
    let written_as_convolution = || match layout {
        Layout::Squeezed | Layout::DenseOutputFirst => alike(has, wants),
        Layout::FlattenedOutputFirst { channels } => {
            matches!((has.dimensions(), wants.dimensions()), (&[units, c, h, w], &[all, inputs])
                if units == all && c == channels && c * h * w == inputs)
        }
        Layout::Same
        | Layout::ConvOutputFirst
        | Layout::DepthwiseChannelFirst
        | Layout::DepthwiseTrailingOne => false,
    };
    has == wants || written_as_convolution()
}

/// Whether shapes are the same but for dimensions of 1.
fn alike(a: Shape, b: Shape) -> bool {
    let plain = |shape: Shape| {
        let dimensions = shape.dimensions().iter().copied();
        dimensions.filter(|&d| d != 1).collect::<Vec<_>>()
    };
    plain(a) == plain(b)
}

/// Rows with the tensor that bears one of their names, all after one prefix or none.
fn match_by_name<'a>(rows: &[&'a WeightRow], source: &'a NamedTensors) -> Vec<Pair<'a>> {
    // Prefixes that stand before some row's name, with how many rows they serve.
    let mut prefixes: HashMap<&str, usize> = HashMap::new();
    let wanted: HashSet<&str> = rows
        .iter()
        .flat_map(|row| row.sources.iter().map(String::as_str))
        .collect();
    // A name may be long and full of separators: only an end as short as a row's name can be one.
    let longest = wanted.iter().map(|name| name.len()).max().unwrap_or(0);
    for name in source.keys() {
        let starts = name
            .match_indices(['.', '/'])
            .map(|(at, _)| at + 1)
            .chain([0]);
        for start in
            starts.filter(|&start| name.len() - start <= longest && wanted.contains(&name[start..]))
        {
            *prefixes.entry(&name[..start]).or_default() += 1;
        }
    }
    let best = prefixes
        .into_iter()
        .max_by_key(|&(prefix, served)| (served, std::cmp::Reverse((prefix.len(), prefix))));
    let prefix = best.map_or("", |(prefix, _)| prefix);
    let find = |name: &String| {
        let prefixed = source.get_key_value(format!("{prefix}{name}").as_str());
        prefixed
            .or_else(|| source.get_key_value(name.as_str()))
            .map(|(name, _)| name.as_str())
    };
    let pair = |row: &&'a WeightRow| Some((*row, row.sources.iter().find_map(find)?));
    rows.iter().filter_map(pair).collect()
}

/// The layer of a tensor's name.
fn layer(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(layer, _)| layer)
}

/// Rows with the tensor at their place; `None` where the layers or their weights are not as many,
/// or where the file holds a nested model, whose order is not the layers'.
fn match_by_position<'a>(
    rows: &[&'a WeightRow],
    source: &'a NamedTensors,
    rules: &WeightNames,
) -> Option<Vec<Pair<'a>>> {
    let names: Vec<&str> = source
        .keys()
        .map(String::as_str)
        .filter(|name| !is_ignored(name, &rules.ignored))
        .collect();
    let file: Vec<&[&str]> = names.chunk_by(|a, b| layer(a) == layer(b)).collect();
    let row_layer = |row: &&'a WeightRow| row.sources.first().map(|name| layer(name));
    let wanted: Vec<&[&WeightRow]> = rows.chunk_by(|a, b| row_layer(a) == row_layer(b)).collect();
    let nested =
        rules.matching != Matching::Order && names.iter().any(|name| layer(name).contains('/'));
    let as_many = match rules.partial {
        true => file.len() >= wanted.len(),
        false => file.len() == wanted.len(),
    };
    if nested || !as_many {
        return None;
    }
    let mut pairs = Vec::with_capacity(rows.len());
    for (wanted, found) in wanted.into_iter().zip(file) {
        if wanted.len() != found.len() {
            return None;
        }
        pairs.extend(wanted.iter().copied().zip(found.iter().copied()));
    }
    Some(pairs)
}

/// Rows with the tensor of their name, where layers of one kind may be numbered otherwise: in the
/// file, and in the rows, the layer of the i-th lowest number is the i-th of its kind
/// (`conv2d_17`, `conv2d`: the first has no number, or 0 or 1).
fn match_by_number<'a>(rows: &[&'a WeightRow], source: &'a NamedTensors) -> Vec<Pair<'a>> {
    let ours = Numbers::of(rows.iter().flat_map(|row| &row.sources));
    let theirs = Numbers::of(source.keys());
    let found: HashMap<(&str, usize, &str), &str> = source
        .keys()
        .map(|name| (theirs.place(name), name.as_str()))
        .collect();
    let pair = |row: &&'a WeightRow| {
        let of = |name: &String| found.get(&ours.place(name)).copied();
        Some((*row, row.sources.iter().find_map(of)?))
    };
    rows.iter().filter_map(pair).collect()
}

/// The numbers of the layers of each kind, in each model that is nested in another.
struct Numbers<'a>(HashMap<(&'a str, &'a str), BTreeSet<u64>>);

impl<'a> Numbers<'a> {
    fn of(names: impl Iterator<Item = &'a String>) -> Self {
        let mut all: HashMap<_, BTreeSet<u64>> = HashMap::new();
        for name in names {
            let (outer, kind, number, _) = Self::parts(name);
            all.entry((outer, kind)).or_default().insert(number);
        }
        Numbers(all)
    }

    /// What stands before the layer, the layer's kind, its number, and the weight.
    fn parts(name: &str) -> (&str, &str, u64, &str) {
        let (path, weight) = name.rsplit_once('/').unwrap_or(("", name));
        let (outer, layer) = path.split_at(path.rfind('/').map_or(0, |at| at + 1));
        let numbered = layer.rsplit_once('_');
        match numbered.and_then(|(kind, number)| Some((kind, number.parse().ok()?))) {
            Some((kind, number)) => (outer, kind, number, weight),
            None => (outer, layer, 0, weight),
        }
    }

    /// A layer's kind, how many of its kind come before it, and the weight.
    fn place<'n>(&self, name: &'n str) -> (&'n str, usize, &'n str) {
        let (outer, kind, number, weight) = Self::parts(name);
        let numbers = self.0.get(&(outer, kind));
        let before = numbers.map_or(0, |numbers| numbers.range(..number).count());
        (kind, before, weight)
    }
}

/// Whether a tensor's name is one of `names`, after whatever prefix.
fn is_one_of(name: &str, names: &[String]) -> bool {
    names
        .iter()
        .any(|one| match name.strip_suffix(one.as_str()) {
            Some(before) => before.is_empty() || before.ends_with(['.', '/']),
            None => false,
        })
}

fn is_ones(tensor: &Tensor) -> bool {
    tensor.values().iter().all(|&value| value == 1.0)
}

/// Whether one of the patterns, in which `*` stands for any characters, is the whole name.
fn is_ignored(name: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| {
        let mut parts = pattern.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else {
            return false;
        };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else {
            return rest.is_empty();
        };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    })
}

/// The shape that a file of this layout has for a parameter of `shape`.
fn stored_shape(layout: Layout, shape: Shape) -> Shape {
    match (layout, shape.dimensions()) {
        (Layout::ConvOutputFirst, &[kh, kw, c, oc]) => Shape::from([oc, c, kh, kw]),
        (Layout::DepthwiseChannelFirst, &[kh, kw, c]) => Shape::from([c, 1, kh, kw]),
        (Layout::DepthwiseTrailingOne, &[kh, kw, c]) => Shape::from([kh, kw, c, 1]),
        (Layout::DenseOutputFirst | Layout::FlattenedOutputFirst { .. }, &[inputs, units]) => {
            Shape::from([units, inputs])
        }
        _ => shape,
    }
}

/// The tensor in the graph's layout. Its shape is [`stored_shape`]'s, but for dimensions of 1.
fn to_graph(layout: Layout, shape: Shape, stored: &Tensor) -> Tensor {
    /// Values of `[rows, columns]` as `[columns, rows]`.
    fn transpose(values: &[f32], rows: usize, out: &mut [f32]) {
        let columns = values.len() / rows.max(1);
        for (row, values) in values.chunks(columns.max(1)).enumerate() {
            for (column, &value) in values.iter().enumerate() {
                out[column * rows + row] = value;
            }
        }
    }
    let mut tensor = Tensor::zeros(shape);
    let (values, out) = (&*stored.values(), tensor.values_mut());
    match (layout, stored.shape().dimensions()) {
        // [OC, C, KH * KW] to [KH * KW, C, OC]
        (Layout::ConvOutputFirst, &[oc, c, kh, kw]) => {
            for (output, values) in values.chunks((c * kh * kw).max(1)).enumerate() {
                for (channel, values) in values.chunks((kh * kw).max(1)).enumerate() {
                    for (tap, &value) in values.iter().enumerate() {
                        out[(tap * c + channel) * oc + output] = value;
                    }
                }
            }
        }
        (Layout::DepthwiseChannelFirst | Layout::DenseOutputFirst, dimensions) => {
            transpose(values, dimensions[0], out);
        }
        // [OC, C * H * W] to [H * W * C, OC]
        (Layout::FlattenedOutputFirst { channels }, &[units, ..]) => {
            let inputs = values.len() / units.max(1);
            let places = inputs / channels.max(1);
            for (unit, values) in values.chunks(inputs.max(1)).enumerate() {
                for (channel, values) in values.chunks(places.max(1)).enumerate() {
                    for (place, &value) in values.iter().enumerate() {
                        out[(place * channels + channel) * units + unit] = value;
                    }
                }
            }
        }
        _ => out.copy_from_slice(values),
    }
    tensor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, shape: impl Into<Shape>) -> ParameterSpec {
        ParameterSpec {
            name: name.into(),
            shape: shape.into(),
            trainable: true,
        }
    }

    /// Tensors that count up from 0.
    fn tensors(list: &[(&str, &[usize])]) -> NamedTensors {
        let tensor = |shape: &[usize]| {
            let values: Vec<f32> = (0..shape.iter().product()).map(|v| v as f32).collect();
            Tensor::from_slice(shape, &values).unwrap()
        };
        list.iter()
            .map(|&(name, shape)| (name.to_string(), tensor(shape)))
            .collect()
    }

    fn names(rows: Vec<WeightRow>, matching: Matching, ignored: &[&str]) -> WeightNames {
        let ignored = ignored.iter().map(|pattern| pattern.to_string()).collect();
        WeightNames {
            rows,
            matching,
            ignored,
            ..WeightNames::default()
        }
    }

    #[test]
    fn layouts_come_out_as_the_graph_has_them() {
        let parameters = [
            spec("conv/kernel", [2, 3, 2, 4]),
            spec("deep/kernel", [2, 3, 5]),
            spec("keras/kernel", [2, 3, 5]),
            spec("dense/kernel", [3, 2]),
        ];
        let source = tensors(&[
            ("c.weight", &[4, 2, 2, 3]),
            ("d.weight", &[5, 1, 2, 3]),
            ("k.weight", &[2, 3, 5, 1]),
            ("l.weight", &[2, 3]),
        ]);
        let rows = vec![
            WeightRow::new("conv/kernel", "c.weight", Layout::ConvOutputFirst),
            WeightRow::new("deep/kernel", "d.weight", Layout::DepthwiseChannelFirst),
            WeightRow::new("keras/kernel", "k.weight", Layout::DepthwiseTrailingOne),
            WeightRow::new("dense/kernel", "l.weight", Layout::DenseOutputFirst),
        ];
        let out = assign(&parameters, source, &names(rows, Matching::Name, &[])).unwrap();
        assert!(
            out.keys()
                .eq(["conv/kernel", "deep/kernel", "keras/kernel", "dense/kernel"])
        );
        for (kh, kw) in [(0, 0), (1, 2), (0, 1)] {
            for (c, oc) in [(0, 0), (1, 3), (0, 2)] {
                let got = out["conv/kernel"].values()[((kh * 3 + kw) * 2 + c) * 4 + oc];
                assert_eq!(got as usize, ((oc * 2 + c) * 2 + kh) * 3 + kw);
            }
            for c in 0..5 {
                let got = out["deep/kernel"].values()[(kh * 3 + kw) * 5 + c];
                assert_eq!(got as usize, (c * 2 + kh) * 3 + kw);
            }
        }
        assert_eq!(out["keras/kernel"].values()[7], 7.0);
        assert_eq!(
            *out["dense/kernel"].values(),
            [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
        );
    }

    #[test]
    fn both_leftovers_and_wrong_shapes_are_listed() {
        let parameters = [
            spec("bn/gamma", [128]),
            spec("bn/beta", [64]),
            spec("head/bias", [3]),
        ];
        let source = tensors(&[
            ("module.bn.weight", &[64]),
            ("module.bn.bias", &[64]),
            ("module.bn.num_batches_tracked", &[]),
            ("module.extra", &[7]),
        ]);
        let rows = vec![
            WeightRow::new("bn/gamma", "bn.weight", Layout::Same),
            WeightRow::new("bn/beta", "bn.bias", Layout::Same),
            WeightRow::new("head/bias", "fc.bias", Layout::Same),
            WeightRow::new("not/in/this/graph", "module.extra2", Layout::Same),
        ];
        let rules = names(rows, Matching::Name, &["*.num_batches_tracked"]);
        let error = assign(&parameters, source, &rules).unwrap_err();
        assert_eq!(
            error.missing,
            [("head/bias".into(), Shape::from([3]), Some("fc.bias".into()))]
        );
        assert_eq!(error.unused, [("module.extra".into(), Shape::from([7]))]);
        let text = error.to_string();
        let expected = "weights: `module.bn.weight` has [64], the model wants [128]";
        assert!(text.contains(expected), "{text}");
        assert!(
            text.contains("`head/bias` [3], looked for as `fc.bias`"),
            "{text}"
        );
        assert!(text.contains("`module.extra` [7]"), "{text}");
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        let parameters = [spec("a/bias", [2])];
        let mut source = tensors(&[("a/bias", &[2])]);
        source["a/bias"].values_mut()[1] = f32::NAN;
        let rules = WeightNames::own(&parameters);
        let error = assign(&parameters, source, &rules).unwrap_err();
        assert_eq!(error.not_finite, ["a/bias"]);
        assert!(
            error
                .to_string()
                .contains("infinite or not a number (1):\n  `a/bias`")
        );
    }

    #[test]
    fn position_serves_where_names_do_not() {
        let parameters = [
            spec("conv/kernel", [1, 1, 1, 2]),
            spec("conv/bias", [2]),
            spec("bn/beta", [2]),
        ];
        let rows = || {
            vec![
                WeightRow::new("conv/kernel", "conv2d/kernel", Layout::Same),
                WeightRow::new("conv/bias", "conv2d/bias", Layout::Same),
                WeightRow::new("bn/beta", "batch_normalization/beta", Layout::Same),
            ]
        };
        let source = || {
            tensors(&[
                ("conv2d_7/kernel", &[1, 1, 1, 2][..]),
                ("conv2d_7/bias", &[2]),
                ("batch_normalization_5/beta", &[2]),
            ])
        };
        for matching in [Matching::Position, Matching::NameOrPosition] {
            let out = assign(&parameters, source(), &names(rows(), matching, &[])).unwrap();
            assert_eq!(out.len(), 3);
        }
        let error = assign(&parameters, source(), &names(rows(), Matching::Name, &[])).unwrap_err();
        assert_eq!((error.missing.len(), error.unused.len()), (3, 3));
        // A file with a layer more is not guessed at.
        let mut more = source();
        more.insert("dense/bias".into(), Tensor::zeros([2]));
        assert!(assign(&parameters, more, &names(rows(), Matching::Position, &[])).is_err());
    }

    /// A nested model's layers come in no order, and may be numbered from anywhere.
    #[test]
    fn numbered_layers_of_a_nested_model() {
        let parameters = [
            spec("conv2d/kernel", [1, 1, 1, 2]),
            spec("conv2d_1/kernel", [1, 1, 2, 2]),
            spec("block_1_conv/kernel", [1, 1, 2, 4]),
            spec("predictions/bias", [3]),
        ];
        let rows = || {
            let row = |name: &str| WeightRow::new(name, name, Layout::Same);
            names(
                parameters.iter().map(|spec| row(&spec.name)).collect(),
                Matching::Position,
                &[],
            )
        };
        let source = tensors(&[
            ("net/conv2d_10/kernel", &[1, 1, 2, 2][..]),
            ("net/block_1_conv/kernel", &[1, 1, 2, 4]),
            ("net/conv2d_9/kernel", &[1, 1, 1, 2]),
            ("dense/bias", &[3]),
        ]);
        let called = rows().also_called("predictions", "dense");
        let out = assign(&parameters, source.clone(), &called).unwrap();
        assert_eq!(out["conv2d/kernel"].values().len(), 2);
        let error = assign(&parameters, source.clone(), &rows()).unwrap_err();
        assert_eq!((error.missing.len(), error.unused.len()), (1, 1));
        // Without the classifier, what is left over must be allowed.
        assert!(assign(&parameters[..3], source.clone(), &rows()).is_err());
        let partial = rows().partial();
        let fit = fit(&parameters[..3], &source, &partial).unwrap();
        assert_eq!(fit.left, [("dense/bias", Shape::from([3]))]);
    }

    #[test]
    fn the_order_of_computation() {
        let parameters = [
            spec("a/kernel", [1, 1, 1, 2]),
            spec("b/kernel", [2, 3]),
            spec("b/bias", [3]),
        ];
        let rows = names(
            vec![
                WeightRow::new("a/kernel", "a/kernel", Layout::Squeezed),
                WeightRow::new("b/kernel", "b/kernel", Layout::Squeezed),
                WeightRow::new("b/bias", "b/bias", Layout::Squeezed),
            ],
            Matching::Order,
            &[],
        );
        let source = tensors(&[
            ("net/x/kernel", &[1, 1, 1, 2][..]),
            ("net/y/kernel", &[1, 1, 2, 3]),
            ("net/y/bias", &[3]),
        ]);
        let out = assign(&parameters, source.clone(), &rows).unwrap();
        assert_eq!(out["b/kernel"].shape(), Shape::from([2, 3]));
        let short = &parameters[..1];
        assert!(assign(short, source.clone(), &rows).is_err());
        let partial = rows.partial();
        assert_eq!(fit(short, &source, &partial).unwrap().left.len(), 2);
    }

    #[test]
    fn a_dense_layer_on_a_flattened_image() {
        // Three units on 2 channels of 2 places: each value is its index in `[units, C, places]`.
        let parameters = [spec("fc/kernel", [4, 3])];
        let layout = Layout::FlattenedOutputFirst { channels: 2 };
        let rows = names(
            vec![WeightRow::new("fc/kernel", "fc.weight", layout)],
            Matching::Name,
            &[],
        );
        // Written as a convolution it has the same values.
        for shape in [&[3, 4][..], &[3, 2, 2, 1], &[3, 2, 1, 2]] {
            let source = tensors(&[("fc.weight", shape)]);
            let out = assign(&parameters, source, &rows).unwrap();
            for (place, channel, unit) in [(0, 0, 0), (1, 0, 2), (0, 1, 1), (1, 1, 2)] {
                let value = out["fc/kernel"].values()[(place * 2 + channel) * 3 + unit];
                assert_eq!(value, (unit * 4 + channel * 2 + place) as f32);
            }
        }
        for shape in [&[3, 4, 1, 1][..], &[4, 3], &[3, 1, 2, 2], &[12]] {
            let source = tensors(&[("fc.weight", shape)]);
            let error = assign(&parameters, source, &rows).unwrap_err();
            assert_eq!(error.shapes.len(), 1, "{shape:?}");
        }
    }

    #[test]
    fn a_dense_layer_written_as_a_convolution() {
        let parameters = [spec("fc/kernel", [2, 3])];
        let row = WeightRow::new("fc/kernel", "fc.weight", Layout::DenseOutputFirst);
        let rows = names(vec![row], Matching::Name, &[]);
        for (shape, fits) in [
            (&[3, 2][..], true),
            (&[3, 2, 1, 1], true),
            (&[2, 3, 1, 1], false),
            (&[3, 1, 2, 2], false),
        ] {
            let found = assign(&parameters, tensors(&[("fc.weight", shape)]), &rows);
            assert_eq!(found.is_ok(), fits, "{shape:?}");
            if let Ok(found) = found {
                let values = found["fc/kernel"].values();
                assert_eq!(*values, [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
            }
        }
    }

    #[test]
    fn what_must_be_one_is_left_over_where_it_is() {
        let parameters = [spec("norm/beta", [2])];
        let row = WeightRow::new("norm/beta", "bn.bias", Layout::Same);
        let mut rows = names(vec![row], Matching::Name, &[]);
        rows.ones = vec!["bn.weight".into()];
        for prefix in ["", "module."] {
            let name = format!("{prefix}bn.weight");
            let mut source = tensors(&[(&format!("{prefix}bn.bias"), &[2])]);
            source.insert(name.clone(), Tensor::from_slice([2], &[1.0; 2]).unwrap());
            for partial in [false, true] {
                rows.partial = partial;
                assert!(fit(&parameters, &source, &rows).unwrap().left.is_empty());
            }
            source[&name].values_mut()[1] = 1.5;
            for partial in [false, true] {
                rows.partial = partial;
                let error = fit(&parameters, &source, &rows).unwrap_err();
                assert_eq!(error.unused, [(name.clone(), Shape::from([2]))]);
            }
        }
    }

    #[test]
    fn patterns() {
        let is = |name, pattern: &str| is_ignored(name, &[pattern.to_string()]);
        assert!(is("a.b.num", "*.num") && is("optimizer.x", "optimizer.*") && is("abc", "a*c"));
        assert!(is("abc", "abc") && !is("abcd", "abc") && !is("b.number", "*.num"));
        assert!(is("a1b2c", "a*b*c") && !is("a1c", "a*b*c") && !is("ab", "ab*b"));
    }
}
