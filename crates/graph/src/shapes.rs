//! The shape rule and the parameters of every operation. Shapes are of one image; all arithmetic
//! is checked, since a graph may come from a damaged file.
use crate::{GraphError, Op, Padding, ShapeFault};
use tensor::Shape;

/// The shape of an operation's value, from its inputs' shapes.
pub(crate) fn infer(name: &str, op: &Op, inputs: &[Shape]) -> Result<Shape, GraphError> {
    let (least, most, expected) = match op {
        Op::Input { .. } => (0, 0, "no"),
        Op::Add | Op::Concat => (2, usize::MAX, "2 or more"),
        Op::Multiply => (2, 2, "2"),
        Op::Conv2d(_)
        | Op::DepthwiseConv2d(_)
        | Op::Dense { .. }
        | Op::BatchNorm { .. }
        | Op::Activation(_)
        | Op::Softmax
        | Op::Affine { .. }
        | Op::MaxPool(_)
        | Op::AveragePool(_)
        | Op::GlobalAveragePool { .. }
        | Op::ZeroPad(_)
        | Op::Crop(_)
        | Op::Flatten
        | Op::Dropout { .. } => (1, 1, "1"),
    };
    if inputs.len() < least || inputs.len() > most {
        let (name, op, given) = (name.to_owned(), op.name(), inputs.len());
        return Err(GraphError::Inputs {
            name,
            op,
            expected,
            given,
        });
    }
    let shape = numbers(op)
        .and_then(|()| rule(op, inputs))
        .and_then(|shape| {
            // A parameter or a value that cannot be addressed is refused here, before any allocation.
            let parameters = parameters(op, inputs.first().copied());
            let mut sizes = parameters.iter().map(|(_, shape, _)| *shape).chain([shape]);
            match sizes.find(|shape| !countable(*shape)) {
                Some(shape) => Err(ShapeFault::Uncountable { shape }),
                None => Ok(shape),
            }
        });
    shape.map_err(|reason| GraphError::Shape {
        name: name.to_owned(),
        op: op.name(),
        inputs: inputs.to_vec(),
        reason,
    })
}

/// Whether the numbers among an operation's attributes are such: a file may say anything, and one that is
/// infinite or none makes all that follows so.
fn numbers(op: &Op) -> Result<(), ShapeFault> {
    let fine = match *op {
        Op::BatchNorm {
            epsilon, momentum, ..
        } => epsilon.is_finite() && epsilon >= 0.0 && momentum.is_finite(),
        Op::Affine { scale, offset } => scale.is_finite() && offset.is_finite(),
        Op::Dropout { rate, .. } => (0.0..=1.0).contains(&rate),
        Op::Input { .. }
        | Op::Conv2d(_)
        | Op::DepthwiseConv2d(_)
        | Op::Dense { .. }
        | Op::Activation(_)
        | Op::Softmax
        | Op::Add
        | Op::Multiply
        | Op::Concat
        | Op::MaxPool(_)
        | Op::AveragePool(_)
        | Op::GlobalAveragePool { .. }
        | Op::ZeroPad(_)
        | Op::Crop(_)
        | Op::Flatten => true,
    };
    match fine {
        true => Ok(()),
        false => Err(ShapeFault::Number),
    }
}

/// At least one element, and no more bytes than an allocation may have.
fn countable(shape: Shape) -> bool {
    let limit = isize::MAX as usize / size_of::<f32>();
    shape
        .checked_elements()
        .is_some_and(|elements| elements > 0 && elements <= limit)
}

fn rule(op: &Op, inputs: &[Shape]) -> Result<Shape, ShapeFault> {
    let first = inputs.first().copied().unwrap_or(Shape::from([]));
    match *op {
        Op::Input {
            height,
            width,
            channels,
        } => Ok(Shape::from([height, width, channels])),
        Op::Conv2d(conv) => {
            let [rows, columns, _] = image(first)?;
            let window = (conv.kernel, conv.stride, conv.padding);
            let [rows, columns] = slide([rows, columns], window)?;
            Ok(Shape::from([rows, columns, conv.filters]))
        }
        Op::DepthwiseConv2d(conv) => {
            let [rows, columns, channels] = image(first)?;
            let window = (conv.kernel, conv.stride, conv.padding);
            let [rows, columns] = slide([rows, columns], window)?;
            Ok(Shape::from([rows, columns, channels]))
        }
        Op::MaxPool(pool) | Op::AveragePool(pool) => {
            let [rows, columns, channels] = image(first)?;
            let pads = pool.padding;
            // A window of padding alone would have no value.
            if pads.top.max(pads.bottom) >= pool.kernel[0]
                || pads.left.max(pads.right) >= pool.kernel[1]
            {
                return Err(ShapeFault::PaddingFillsWindow);
            }
            let [rows, columns] = slide([rows, columns], (pool.kernel, pool.stride, pads))?;
            Ok(Shape::from([rows, columns, channels]))
        }
        Op::Dense { units, .. } => {
            let mut dimensions = first.dimensions().to_vec();
            *dimensions.last_mut().ok_or(ShapeFault::Scalar)? = units;
            Ok(Shape::new(&dimensions))
        }
        Op::BatchNorm { .. }
        | Op::Activation(_)
        | Op::Softmax
        | Op::Affine { .. }
        | Op::Dropout { .. } => Ok(first),
        Op::Add => {
            if inputs.iter().any(|&input| input != first) {
                return Err(ShapeFault::Differ);
            }
            Ok(first)
        }
        Op::Multiply => {
            let second = inputs[1];
            let broadcast = first.rank() == 3 && second == Shape::from([1, 1, first.channels()]);
            if second != first && !broadcast {
                return Err(ShapeFault::NoBroadcast);
            }
            Ok(first)
        }
        Op::Concat => {
            let mut dimensions = first.dimensions().to_vec();
            let outer = dimensions.len().checked_sub(1).ok_or(ShapeFault::Scalar)?;
            let mut channels = 0usize;
            for input in inputs {
                if input.rank() != first.rank()
                    || input.dimensions()[..outer] != first.dimensions()[..outer]
                {
                    return Err(ShapeFault::DifferBeyondChannels);
                }
                channels = channels
                    .checked_add(input.channels())
                    .ok_or(ShapeFault::TooMany)?;
            }
            dimensions[outer] = channels;
            Ok(Shape::new(&dimensions))
        }
        Op::GlobalAveragePool { keep_dimensions } => {
            let [_, _, channels] = image(first)?;
            Ok(if keep_dimensions {
                Shape::from([1, 1, channels])
            } else {
                Shape::from([channels])
            })
        }
        Op::ZeroPad(padding) => {
            let [rows, columns, channels] = image(first)?;
            let [rows, columns] = padded([rows, columns], padding)?;
            Ok(Shape::from([rows, columns, channels]))
        }
        Op::Crop(crop) => {
            let [rows, columns, channels] = image(first)?;
            let cut = |size: usize, before: usize, after: usize| {
                let cut = before.checked_add(after).filter(|&cut| cut < size);
                cut.map(|cut| size - cut).ok_or(ShapeFault::NothingLeft)
            };
            let rows = cut(rows, crop.top, crop.bottom)?;
            let columns = cut(columns, crop.left, crop.right)?;
            Ok(Shape::from([rows, columns, channels]))
        }
        Op::Flatten => Ok(Shape::from([first
            .checked_elements()
            .ok_or(ShapeFault::TooMany)?])),
    }
}

fn image(shape: Shape) -> Result<[usize; 3], ShapeFault> {
    let dimensions: Result<[usize; 3], _> = shape.dimensions().try_into();
    dimensions.map_err(|_| ShapeFault::NoImage)
}

fn padded(size: [usize; 2], padding: Padding) -> Result<[usize; 2], ShapeFault> {
    let grow = |size: usize, before: usize, after: usize| {
        size.checked_add(before)
            .and_then(|size| size.checked_add(after))
    };
    let rows = grow(size[0], padding.top, padding.bottom);
    let columns = grow(size[1], padding.left, padding.right);
    rows.zip(columns)
        .map(|(rows, columns)| [rows, columns])
        .ok_or(ShapeFault::TooMany)
}

/// Rows and columns of the output of a sliding window.
fn slide(
    size: [usize; 2],
    (kernel, stride, padding): ([usize; 2], [usize; 2], Padding),
) -> Result<[usize; 2], ShapeFault> {
    let size = padded(size, padding)?;
    let mut out = [0; 2];
    for axis in 0..2 {
        if kernel[axis] == 0 || stride[axis] == 0 {
            return Err(ShapeFault::NoWindow);
        }
        let room = size[axis].checked_sub(kernel[axis]);
        out[axis] = room.ok_or(ShapeFault::WindowTooLarge)? / stride[axis] + 1;
    }
    Ok(out)
}

/// Name, shape and trainability of an operation's parameters, in Keras's order. The input's shape
/// gives the channels that the operation itself does not name.
pub(crate) fn parameters(op: &Op, input: Option<Shape>) -> Vec<(&'static str, Shape, bool)> {
    let channels = input.map_or(0, |shape| shape.channels());
    match *op {
        Op::Conv2d(conv) => {
            let [rows, columns] = conv.kernel;
            let kernel = Shape::from([rows, columns, channels, conv.filters]);
            with_bias(kernel, conv.filters, conv.bias)
        }
        Op::DepthwiseConv2d(conv) => {
            let [rows, columns] = conv.kernel;
            with_bias(Shape::from([rows, columns, channels]), channels, conv.bias)
        }
        Op::Dense { units, bias } => with_bias(Shape::from([channels, units]), units, bias),
        Op::BatchNorm { scale, .. } => {
            let each = Shape::from([channels]);
            let mut all = vec![
                ("gamma", each, true),
                ("beta", each, true),
                ("moving_mean", each, false),
                ("moving_variance", each, false),
            ];
            if !scale {
                all.remove(0);
            }
            all
        }
        Op::Input { .. }
        | Op::Activation(_)
        | Op::Softmax
        | Op::Affine { .. }
        | Op::Add
        | Op::Multiply
        | Op::Concat
        | Op::MaxPool(_)
        | Op::AveragePool(_)
        | Op::GlobalAveragePool { .. }
        | Op::ZeroPad(_)
        | Op::Crop(_)
        | Op::Flatten
        | Op::Dropout { .. } => Vec::new(),
    }
}

fn with_bias(kernel: Shape, units: usize, bias: bool) -> Vec<(&'static str, Shape, bool)> {
    let mut all = vec![("kernel", kernel, true)];
    if bias {
        all.push(("bias", Shape::from([units]), true));
    }
    all
}
