//! Classifier heads: fitted once to features, without gradients through the backbone. One file for each method.
//!
//! The methods are written here and not taken from linfa or smartcore: those copy features into matrices of their own in
//! double precision, work on one thread, and do not say whether they converged. L-BFGS is argmin's, products of large
//! matrices are nalgebra's.

mod auto;
mod distance;
mod head;
mod knn;
mod lda;
mod linear;
mod linear_svm;
mod logistic_regression;
mod matrix;
mod mean;
mod method;
mod naive_bayes;
mod nearest_centroid;
mod random_forest;
mod ridge;
mod scaling;
mod state;

use auto::Auto;
use head::Head;
use knn::Knn;
use lda::Lda;
use linear_svm::LinearSvm;
use logistic_regression::LogisticRegression;
use mean::Mean;
use method::Model;
use naive_bayes::NaiveBayes;
use nearest_centroid::NearestCentroid;
use random_forest::RandomForest;
use ridge::Ridge;
use state::Reader;
use topwork_sdk::{Error, export_plugin, saved_classifier};

export_plugin! {
    id: "classifiers",
    licence: "MIT OR Apache-2.0",
    components: [
        saved_classifier::<Head<LogisticRegression>>(),
        saved_classifier::<Head<LinearSvm>>(),
        saved_classifier::<Head<Ridge>>(),
        saved_classifier::<Head<Lda>>(),
        saved_classifier::<Head<Knn>>(),
        saved_classifier::<Head<NearestCentroid>>(),
        saved_classifier::<Head<NaiveBayes>>(),
        saved_classifier::<Head<RandomForest>>(),
        saved_classifier::<Head<Auto>>(),
        saved_classifier::<Head<Mean>>(),
    ],
}

/// The model that was written in this form.
fn read(form: &str, state: &Reader<'_>) -> Result<Box<dyn Model>, Error> {
    match form {
        linear::FORM => Ok(Box::new(linear::Linear::read(state)?)),
        knn::FORM => Ok(Box::new(knn::Neighbours::read(state)?)),
        nearest_centroid::FORM => Ok(Box::new(nearest_centroid::Centroids::read(state)?)),
        naive_bayes::FORM => Ok(Box::new(naive_bayes::Normals::read(state)?)),
        random_forest::FORM => Ok(Box::new(random_forest::Forest::read(state)?)),
        other => Err(Error::data(format!(
            "the state is of an unknown form `{other}`"
        ))),
    }
}
