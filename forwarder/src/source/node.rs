//! Reads the kubelet's files.
use super::api::Pods;
use crate::config::Selection;
use crate::intake::Intake;
use crate::report::Report;
use std::path::PathBuf;
use std::rc::Rc;
use tokio::sync::watch;
pub(crate) struct Sources {
    pub(crate) dir: PathBuf,
    pub(crate) pods: Rc<Pods>,
    pub(crate) selection: Selection,
    pub(crate) stopped: watch::Receiver<bool>,
    pub(crate) intake: Rc<Intake>,
    pub(crate) report: Rc<Report>,
}
impl Sources {
    pub(crate) async fn read(self, _: Option<&watch::Sender<bool>>) {}
}
