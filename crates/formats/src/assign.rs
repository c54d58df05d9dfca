//! Hands a file's tensors to the parameters that a graph wants: strict both ways.
use graph::{Layout, Matching, ParameterSpec, WeightNames, WeightRow};
use std::collections::{HashMap, HashSet};
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
    let wanted: HashMap<&str, &ParameterSpec> = parameters
        .iter()
        .map(|spec| (spec.name.as_str(), spec))
        .collect();
    let rows: Vec<&WeightRow> = names
        .rows
        .iter()
        .filter(|row| wanted.contains_key(row.parameter.as_str()))
        .collect();
    let by_name = || match_by_name(&rows, &source);
    let by_position = || match_by_position(&rows, &source, &names.ignored);
    let pairs = match names.matching {
        Matching::Name => by_name(),
        Matching::NameOrPosition => {
            let pairs = by_name();
            if pairs.len() < rows.len() {
                by_position().unwrap_or(pairs)
            } else {
                pairs
            }
        }
        Matching::Position => by_position().unwrap_or_else(by_name),
    };

    let mut mismatch = Mismatch::default();
    let mut filled: HashMap<&str, Tensor> = HashMap::new();
    for (row, found) in &pairs {
        let spec = wanted[row.parameter.as_str()];
        let tensor = &source[*found];
        let wants = stored_shape(row.layout, spec.shape);
        if !tensor.values().iter().all(|value| value.is_finite()) {
            mismatch.not_finite.push(found.to_string());
        }
        if tensor.shape() == wants {
            filled.insert(&spec.name, to_graph(row.layout, spec.shape, tensor));
        } else {
            mismatch.shapes.push(ShapeMismatch {
                source: found.to_string(),
                has: tensor.shape(),
                parameter: spec.name.clone(),
                wants,
            });
        }
    }
    let matched: HashMap<&str, &str> = pairs
        .iter()
        .map(|(row, found)| (row.parameter.as_str(), *found))
        .collect();
    let row_of: HashMap<&str, &WeightRow> = rows
        .iter()
        .map(|row| (row.parameter.as_str(), *row))
        .collect();
    for spec in parameters {
        if !matched.contains_key(spec.name.as_str()) {
            let looked_for = row_of
                .get(spec.name.as_str())
                .and_then(|row| row.sources.first());
            mismatch
                .missing
                .push((spec.name.clone(), spec.shape, looked_for.cloned()));
        }
    }
    let used: HashSet<&str> = matched.values().copied().collect();
    for (name, tensor) in &source {
        if !used.contains(name.as_str()) && !is_ignored(name, &names.ignored) {
            mismatch.unused.push((name.clone(), tensor.shape()));
        }
    }
    if mismatch != Mismatch::default() {
        return Err(mismatch);
    }
    let take = |spec: &ParameterSpec| Some((spec.name.clone(), filled.remove(spec.name.as_str())?));
    Ok(parameters.iter().filter_map(take).collect())
}

/// Rows with the tensor that bears one of their names, all after one prefix or none.
fn match_by_name<'a>(
    rows: &[&'a WeightRow],
    source: &'a NamedTensors,
) -> Vec<(&'a WeightRow, &'a str)> {
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

/// Rows with the tensor at their place; `None` where the layers or their weights are not as many,
/// or where the file holds a nested model, whose order is not the layers'.
fn match_by_position<'a>(
    rows: &[&'a WeightRow],
    source: &'a NamedTensors,
    ignored: &[String],
) -> Option<Vec<(&'a WeightRow, &'a str)>> {
    fn layer(name: &str) -> &str {
        name.rsplit_once('/').map_or(name, |(layer, _)| layer)
    }
    let names: Vec<&str> = source
        .keys()
        .map(String::as_str)
        .filter(|name| !is_ignored(name, ignored))
        .collect();
    let file: Vec<&[&str]> = names.chunk_by(|a, b| layer(a) == layer(b)).collect();
    let row_layer = |row: &&'a WeightRow| row.sources.first().map(|name| layer(name));
    let wanted: Vec<&[&WeightRow]> = rows.chunk_by(|a, b| row_layer(a) == row_layer(b)).collect();
    let nested = names.iter().any(|name| layer(name).contains('/'));
    if nested || file.len() != wanted.len() {
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
        (Layout::DenseOutputFirst, &[inputs, units]) => Shape::from([units, inputs]),
        _ => shape,
    }
}

/// The tensor in the graph's layout. Its shape is [`stored_shape`]'s.
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
    let (values, out) = (stored.values(), tensor.values_mut());
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
        assert_eq!(out["dense/kernel"].values(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
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

    #[test]
    fn patterns() {
        let is = |name, pattern: &str| is_ignored(name, &[pattern.to_string()]);
        assert!(is("a.b.num", "*.num") && is("optimizer.x", "optimizer.*") && is("abc", "a*c"));
        assert!(is("abc", "abc") && !is("abcd", "abc") && !is("b.number", "*.num"));
        assert!(is("a1b2c", "a*b*c") && !is("a1c", "a*b*c") && !is("ab", "ab*b"));
    }
}
