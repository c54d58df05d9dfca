//! Writes the values of some layers of a network for given pixels, for comparisons with other
//! implementations (`cargo xtask parity`).
//!
//! `taps BACKBONE WEIGHTS|formula CLASSES HEAD PIXELS OUT LAYER...`: HEAD is the file's own name of
//! the classifier layer; with 0 CLASSES there is none. PIXELS is a safetensors file whose tensor `pixels` is `[N, H, W, 3]`,
//! already scaled; OUT becomes one with a tensor for each LAYER.
use engine::{Plan, PlanOptions};
use std::collections::BTreeMap;
use tensor::{NamedTensors, Pool};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [
        backbone,
        weights,
        classes,
        classifier,
        pixels,
        out,
        layers @ ..,
    ] = &arguments[..]
    else {
        return Err("taps BACKBONE WEIGHTS|formula CLASSES HEAD PIXELS OUT LAYER...".into());
    };
    let backbone = zoo::find(backbone).ok_or("no such backbone")?;
    let (inputs, _) = formats::read_safetensors(&std::fs::read(pixels)?)?;
    let pixels = inputs.get("pixels").ok_or("no tensor `pixels`")?;
    let &[_, height, width, 3] = pixels.shape().dimensions() else {
        return Err("pixels are [N, H, W, 3]".into());
    };
    let head = match classes.parse()? {
        0 => zoo::Head::Features,
        classes => zoo::Head::Classes(classes),
    };
    let graph = backbone.build(height, width, head)?;
    let parameters = if weights == "formula" {
        let specs = graph
            .parameters()
            .into_iter()
            .map(|spec| (spec.name, spec.shape));
        testkit::formula_parameters(specs)
    } else {
        let weights = formats::read(&std::fs::read(weights)?)?;
        let names = backbone
            .weight_names(&graph, weights.origin)
            .ok_or("no names for this file")?;
        let names = names.also_called(zoo::HEAD_LAYER, classifier);
        formats::assign(&graph.parameters(), weights.tensors, &names)?
    };
    let options = PlanOptions {
        outputs: layers.to_vec(),
        ..PlanOptions::default()
    };
    let plan = Plan::for_inference(&graph, &parameters, &options)?;
    let found = plan.infer(&Pool::new(2), &mut plan.workspace(), &pixels.values())?;
    let taps: NamedTensors = layers.iter().cloned().zip(found).collect();
    let bytes = formats::write_safetensors(&taps, formats::Precision::F32, &BTreeMap::new())?;
    Ok(std::fs::write(out, bytes)?)
}
