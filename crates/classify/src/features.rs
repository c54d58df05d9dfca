//! Features of photos: the input of a package's classification head, for neighbours and maps.
use crate::error::{ClassifyError, OpenError};
use crate::network::{Network, OpenOptions};
use graph::InputSpec;
use package::Package;
use tensor::Pool;
use vision::Photo;

/// A package's network up to its classification head. It is shared freely between threads.
#[derive(Debug)]
pub struct Features {
    input: InputSpec,
    network: Network,
}

impl Features {
    /// Plans the network of a package for one photo at a time, seen by the first of its views: what
    /// is compared is photos with photos, for which one view does.
    ///
    /// # Errors
    /// [`OpenError::NoHead`] where the network has no dense or 1 x 1 head, and as
    /// [`crate::Classifier::from_package`].
    pub fn from_package(package: Package, options: &OpenOptions) -> Result<Self, OpenError> {
        let Package {
            about,
            mut graph,
            weights,
        } = package;
        let (_, before) = graph.head().ok_or(OpenError::NoHead)?;
        graph.set_outputs(&[before]).expect("a node of this graph");
        vision::check(&about.input)?;
        let mut input = about.input;
        input.views.truncate(1);
        Ok(Features {
            network: Network::new(&graph, &weights, 1, options)?,
            input,
        })
    }

    /// Values a photo has.
    pub fn length(&self) -> usize {
        self.network.outputs()
    }

    /// The features of a photo, [`Features::length`] values.
    ///
    /// # Errors
    /// [`ClassifyError`] where the package asks for a preparation that cannot be done, or its network
    /// gives something else than finite numbers.
    pub fn of(&self, pool: &Pool, photo: &Photo) -> Result<Vec<f32>, ClassifyError> {
        let views = vision::prepare(&self.input, photo)?;
        self.network.run(pool, views.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use package::samples::tiny;

    #[test]
    fn the_head_applied_to_the_features_gives_the_outputs() {
        let package = tiny();
        let kernel = package.weights["dense/kernel"].values().to_vec();
        let bias = package.weights["dense/bias"].values().to_vec();
        let classifier =
            crate::Classifier::from_package(package.clone(), &OpenOptions::default()).unwrap();
        let features = Features::from_package(package, &OpenOptions::default()).unwrap();
        let photo = Photo::from_rgb(30, 20, [200, 30, 90].repeat(600));
        let pool = Pool::serial();
        let found = features.of(&pool, &photo).unwrap();
        assert_eq!((found.len(), features.length()), (3, 3));
        let outputs = classifier.outputs(&pool, &photo).unwrap();
        for (unit, &output) in outputs.iter().enumerate() {
            let sum: f32 = (0..3).map(|i| found[i] * kernel[i * 4 + unit]).sum();
            assert!((sum + bias[unit] - output).abs() < 1e-4);
        }
    }
}
