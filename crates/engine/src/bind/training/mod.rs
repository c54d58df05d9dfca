//! Training on the CPU's fast kernels.
mod layers;
mod norms;
mod products;

use super::layer::FastLayer;
use crate::operation::Operation;
use crate::work::training::Work;
use kernels::Isa;
use kernels::batch_norm::training as batch_norm;
use kernels::pooling::training as pooling;
use products::BoundKernel;

/// f32 that a step works in, on up to `threads` threads.
pub(crate) fn scratch(work: &Work, isa: Isa, threads: usize) -> usize {
    match work {
        Work::Product { product, .. } => {
            products::statistics_values(product.channels)
                + BoundKernel::new(isa, &product.kernel, threads).forward_scratch()
        }
        Work::ProductBackward { product, .. } => {
            products::factor_values(product.channels)
                + BoundKernel::new(isa, &product.kernel, threads).backward_scratch()
        }
        Work::Statistics { norm, .. } if norm.frozen => 0,
        Work::Statistics { channels, .. } => {
            2 * channels + batch_norm::scratch_values(*channels, threads)
        }
        Work::Sums { channels, .. } => batch_norm::scratch_values(*channels, threads),
        Work::NormBackward { channels, norm, .. } => norm.map_or(0, |_| 3 * channels),
        Work::MaxApartBackward { channels, .. } => pooling::scratch_values(*channels, threads),
        Work::Store { .. }
        | Work::MaxApart { .. }
        | Work::Layer(_)
        | Work::Gradient { .. }
        | Work::Dropout { .. }
        | Work::CrossEntropy { .. }
        | Work::Copy
        | Work::Accumulate => 0,
    }
}

/// The operation of a step.
pub(crate) fn bind(work: &Work, isa: Isa, threads: usize) -> Box<dyn Operation> {
    match *work {
        Work::Product { product, norm } => Box::new(products::Forward {
            kernel: BoundKernel::new(isa, &product.kernel, threads),
            product,
            norm,
        }),
        Work::ProductBackward {
            product,
            activation,
            norm,
            add,
        } => Box::new(products::Backward {
            kernel: BoundKernel::new(isa, &product.kernel, threads),
            product,
            activation,
            norm,
            add,
        }),
        Work::Statistics { channels, norm } => Box::new(norms::Statistics {
            isa,
            channels,
            norm,
        }),
        Work::Store {
            channels,
            activation,
        } => Box::new(norms::Store {
            isa,
            channels,
            activation,
        }),
        Work::Sums { activation, .. } => Box::new(norms::Sums { isa, activation }),
        Work::NormBackward {
            channels,
            activation,
            norm,
            add,
        } => Box::new(norms::NormBackward {
            isa,
            channels,
            activation,
            norm,
            add,
        }),
        Work::MaxApart {
            window,
            channels,
            activation,
        } => Box::new(layers::MaxApart {
            isa,
            window,
            channels,
            activation,
        }),
        Work::MaxApartBackward {
            window,
            channels,
            activation,
        } => Box::new(layers::MaxApartBackward {
            isa,
            window,
            channels,
            activation,
        }),
        Work::Layer(layer) => Box::new(FastLayer { isa, layer }),
        Work::Gradient { of, add } => Box::new(layers::LayerGradient { isa, of, add }),
        Work::Dropout {
            rate,
            per_sample,
            layer,
            add,
        } => Box::new(layers::Dropout {
            rate,
            per_sample,
            layer,
            add,
        }),
        Work::CrossEntropy { classes } => Box::new(layers::CrossEntropy { classes }),
        Work::Copy => Box::new(layers::Copy),
        Work::Accumulate => Box::new(layers::Accumulate { isa }),
    }
}
