package config

// Metrics says how metrics are called, beside what they are called anyway.
type Metrics struct {
	Aliases []string `mapstructure:"aliases" enum:"coraza_operator"` // sets of names that dashboards of others know
}

func (l *bootLoader) checkMetrics() {
	for i, word := range l.boot.Metrics.Aliases {
		oneOf(l, indexPath("metrics.aliases", i), word, allowed[Boot]("metrics.aliases"))
	}
}
