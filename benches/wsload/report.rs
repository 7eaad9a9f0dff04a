//! What a run measured, as text for people and as one line of JSON for programs.

use hdrhistogram::Histogram;

use crate::options::Options;

/// The figures of one run.
pub(crate) struct Report {
    /// Operations completed: echoes, or whole lives of a connection in churn mode.
    pub(crate) operations: u64,
    /// Connections that were opened.
    pub(crate) opened: u64,
    /// Of them, those that resumed a TLS session.
    pub(crate) resumed: u64,
    /// Pings that were answered.
    pub(crate) pings: u64,
    /// Bytes of frames that came in the measured part.
    pub(crate) received: u64,
    pub(crate) faults: u64,
    pub(crate) first_fault: Option<String>,
    /// Seconds of the measured part.
    pub(crate) seconds: f64,
    /// Seconds of CPU this process took over its life.
    pub(crate) cpu: f64,
    /// Nanoseconds per operation.
    pub(crate) latency: Histogram<u64>,
}

/// Says that all connections are there, and what is measured begins: to programs, which count others' work from here on.
pub(crate) fn begun(options: &Options) {
    if options.json {
        println!("begun");
    }
}

impl Report {
    /// Nothing measured yet.
    pub(crate) fn new() -> Report {
        let latency = Histogram::new_with_bounds(1, 120_000_000_000, 3).expect("valid bounds");
        Report {
            operations: 0,
            opened: 0,
            resumed: 0,
            pings: 0,
            received: 0,
            faults: 0,
            first_fault: None,
            seconds: 0.0,
            cpu: 0.0,
            latency,
        }
    }

    /// Counts a fault and keeps the first for the report.
    pub(crate) fn fault(&mut self, fault: &str) {
        self.faults += 1;
        self.first_fault.get_or_insert_with(|| fault.to_owned());
    }

    /// Counts a connection that was opened.
    pub(crate) fn visited(&mut self, resumed: Option<bool>) {
        self.opened += 1;
        self.resumed += u64::from(resumed == Some(true));
    }

    fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.operations as f64 / self.seconds } else { 0.0 }
    }

    fn quantile_us(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// One line of JSON; times in microseconds.
    pub(crate) fn json(&self) -> String {
        let fault = match &self.first_fault {
            Some(fault) => format!("\"{}\"", fault.escape_default()),
            None => "null".to_owned(),
        };
        format!(
            "{{\"operations\":{},\"opened\":{},\"resumed\":{},\"pings\":{},\"received\":{},\"faults\":{},\"first_fault\":{fault},\"seconds\":{:.6},\
             \"rate\":{:.1},\"cpu\":{:.3},\"p50\":{:.1},\"p90\":{:.1},\"p99\":{:.1},\"p999\":{:.1},\"max\":{:.1}}}",
            self.operations,
            self.opened,
            self.resumed,
            self.pings,
            self.received,
            self.faults,
            self.seconds,
            self.rate(),
            self.cpu,
            self.quantile_us(0.5),
            self.quantile_us(0.9),
            self.quantile_us(0.99),
            self.quantile_us(0.999),
            self.latency.max() as f64 / 1000.0,
        )
    }

    /// A few lines for people.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{} operations in {:.2} s, {:.0}/s, over {} connections; load's own CPU {:.2} s\n\
             latency µs: p50 {:.1}  p90 {:.1}  p99 {:.1}  p99.9 {:.1}  max {:.1}",
            self.operations,
            self.seconds,
            self.rate(),
            self.opened,
            self.cpu,
            self.quantile_us(0.5),
            self.quantile_us(0.9),
            self.quantile_us(0.99),
            self.quantile_us(0.999),
            self.latency.max() as f64 / 1000.0,
        );
        if let Some(fault) = &self.first_fault {
            text.push_str(&format!("\n{} faults, the first: {fault}", self.faults));
        }
        text
    }
}
