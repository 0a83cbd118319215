//! The built-in rules: one module each, whose documentation is the definition of the rule.
//!
//! A validator is asked at the place where the shape of its value starts. It answers with the byte
//! range of the value, or nothing. It does bounded work, or work that is not repeated for the next
//! candidate.

pub mod bearer;
pub mod card;
pub mod email;
pub mod ip;
pub mod jwt;
pub mod phone;
pub mod ssn;
