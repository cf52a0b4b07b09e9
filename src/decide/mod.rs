//! Pure decisions: specification, observation and time in, plan out.
