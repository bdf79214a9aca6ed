// Package prometheus has a real Prometheus scrape the tier, and evaluate what alerts and dashboards ask it.
//
// Alerts are for minutes and hours. Here they are for seconds: every duration in them is divided by the same number, so that what is
// compared with what stays as it is. The rules are loaded as they are, too.
package prometheus
