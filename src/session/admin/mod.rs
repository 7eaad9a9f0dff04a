//! What the running router says of itself: plain figures, which of them are asked for, and how they
//! are written. Pure: gathering them is the workers' and the app's.
//!
//! ```text
//! query --> Filter --takes?--> Client::live --> Live --+
//!                              Counters --> Status ----+--> JSON
//! ```

mod bus;
mod filter;
mod instances;
mod live;
mod render;
mod upstreams;

pub use bus::BusStatus;
pub use filter::{BadQuery, Filter};
pub use instances::{InstancesStatus, short};
pub use live::Live;
pub use render::{CertificateStatus, Inside, Status, WorkerStatus, put_live, put_status, put_text};
pub use upstreams::{ServerStatus, UpstreamStatus};
