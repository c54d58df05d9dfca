//! Changing a classifier's classes without training.
use crate::HEAD_LAYER;
use tensor::{NamedTensors, Tensor};

/// The parameters with only these classes in the classifier, in this order; all else as it was.
/// They fit the backbone that is built with `Head::Classes(classes.len())`. `None` where there is
/// no classifier or it has not one of the classes.
pub fn select_classes(parameters: &NamedTensors, classes: &[usize]) -> Option<NamedTensors> {
    let mut selected = parameters.clone();
    for name in ["kernel", "bias"] {
        let name = format!("{HEAD_LAYER}/{name}");
        let tensor = parameters.get(&name)?;
        let mut dimensions = tensor.shape().dimensions().to_vec();
        let columns = *dimensions.last()?;
        if columns == 0 || classes.iter().any(|&class| class >= columns) {
            return None;
        }
        *dimensions.last_mut()? = classes.len();
        let values = tensor.values();
        let values: Vec<f32> = values
            .chunks(columns)
            .flat_map(|row| classes.iter().map(|&class| row[class]))
            .collect();
        selected.insert(
            name,
            Tensor::from_slice(dimensions.as_slice(), &values).ok()?,
        );
    }
    Some(selected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_columns() {
        let kernel = Tensor::from_slice([2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let bias = Tensor::from_slice([3], &[7.0, 8.0, 9.0]).unwrap();
        let parameters = NamedTensors::from([
            ("predictions/kernel".to_string(), kernel),
            ("predictions/bias".to_string(), bias),
        ]);
        let selected = select_classes(&parameters, &[2, 0]).unwrap();
        assert_eq!(
            *selected["predictions/kernel"].values(),
            [3.0, 1.0, 6.0, 4.0]
        );
        assert_eq!(*selected["predictions/bias"].values(), [9.0, 7.0]);
        assert!(select_classes(&parameters, &[3]).is_none());
        assert!(select_classes(&NamedTensors::new(), &[0]).is_none());
    }
}
