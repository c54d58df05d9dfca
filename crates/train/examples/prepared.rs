//! Writes the views of photos as museau prepares them for a package, for comparisons of its network
//! with other implementations (`benches/parity/exports.py`).
//!
//! `prepared PACKAGE OUT PHOTO...`: OUT becomes a safetensors file with a tensor `i` for the i-th photo,
//! `[views, H, W, 3]`, scaled as the network wants it.
use std::collections::BTreeMap;
use std::path::Path;
use tensor::{NamedTensors, Shape, Tensor};
use vision::Limits;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, out, photos @ ..] = &arguments[..] else {
        return Err("prepared PACKAGE OUT PHOTO...".into());
    };
    let package = package::Package::read_file(Path::new(file))?;
    let mut found = NamedTensors::new();
    for (number, path) in photos.iter().enumerate() {
        let photo = vision::decode(&std::fs::read(path)?, &Limits::default())?;
        let views = vision::prepare(&package.about.input, &photo)?;
        let shape = Shape::from([views.count(), views.height(), views.width(), 3]);
        let views = Tensor::from_slice(shape, views.values())?;
        found.insert(number.to_string(), views);
    }
    let bytes = formats::write_safetensors(&found, formats::Precision::F32, &BTreeMap::new())?;
    Ok(std::fs::write(out, bytes)?)
}
