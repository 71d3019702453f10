//! Joins that give way.
//!
//! A query is ended at the points where its tasks give way to others. What reads files does so of its own accord; a join makes very many rows of few, and would
//! be at it for hours without looking up to see that its time is over or that whoever asked has gone. So what comes out of joins is handed on
//! with a pause as soon as one is due.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};

/// After so long, a pause is due.
const EVERY: Duration = Duration::from_millis(20);

/// The same plan, in which everything that has several inputs gives way.
pub(crate) fn yielding(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let made = plan.transform_up(|node| {
        if node.children().len() < 2 {
            return Ok(Transformed::no(node));
        }
        let wrapped: Arc<dyn ExecutionPlan> = Arc::new(Yielding { input: node });
        Ok(Transformed::yes(wrapped))
    })?;
    Ok(made.data)
}

/// Hands on what its input has, with pauses.
#[derive(Debug)]
struct Yielding {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for Yielding {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Yielding")
    }
}

impl ExecutionPlan for Yielding {
    fn name(&self) -> &'static str {
        "Yielding"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Yielding { input })),
            _ => Err(DataFusionError::Internal("it has one input".to_owned())),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let inner = self.input.execute(partition, context)?;
        Ok(Box::pin(Pausing {
            schema: inner.schema(),
            inner,
            paused: Instant::now(),
        }))
    }
}

/// A stream with pauses.
struct Pausing {
    inner: SendableRecordBatchStream,
    schema: SchemaRef,
    /// When it last gave way.
    paused: Instant,
}

impl Stream for Pausing {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.paused.elapsed() >= EVERY {
            self.paused = Instant::now();
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.inner.poll_next_unpin(context)
    }
}

impl RecordBatchStream for Pausing {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
