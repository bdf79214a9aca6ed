// Package stock is Coraza as it comes, with the Core Rule Set at paranoia level 1 and in
// blocking mode: what Wafer's answers and figures are compared with. It belongs to tests and
// load scenarios, and knows nothing of Wafer's own use of Coraza.
//
// A WAF is safe for concurrent use.
package stock
