package snapshot

import (
	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/access/rate"
	"github.com/wafer-waf/wafer/config"
)

// limit says to package access what config.AccessLimit says.
func limit(l *config.AccessLimit, known *conditions) access.LimitSpec {
	s := access.LimitSpec{When: accessWhen(l.When, known), Off: l.Mode == config.LimitOff}
	s.Spec = rate.Spec{
		ID:      l.ID,
		Quota:   rate.Quota{Units: l.Rate.N, Period: l.Rate.Period, Burst: l.Burst.N},
		Missing: missing[l.Missing], Cost: costs[l.Cost], Mode: limitModes[l.Mode],
		Delay: l.MaxDelay, Waiters: l.Waiters,
		Share: sharings[l.Share], StoreDown: storeDowns[l.OnStoreDown], Replicas: l.Replicas,
		Buckets: l.Buckets, Tell: tellings[l.Fields], Legacy: l.LegacyFields,
	}
	for _, r := range l.OnStatuses {
		s.Statuses = append(s.Statuses, rate.Statuses(r))
	}
	for i := range l.Key {
		s.Key = append(s.Key, keyPart(&l.Key[i]))
	}
	return s
}

func keyPart(p *config.KeyPart) rate.Part {
	switch {
	case p.Claim != "":
		return rate.Part{Kind: rate.PartClaim, Name: p.Claim}
	case p.Header != "":
		return rate.Part{Kind: rate.PartHeader, Name: p.Header}
	case p.Cookie != "":
		return rate.Part{Kind: rate.PartCookie, Name: p.Cookie}
	case len(p.Paths) > 0:
		part := rate.Part{Kind: rate.PartTemplate}
		for _, text := range p.Paths {
			if t, err := rate.ParseTemplate(text); err == nil { // which config has checked
				part.Templates = append(part.Templates, t)
			}
		}
		return part
	}
	return rate.Part{Kind: keyWords[p.Part]}
}

var keyWords = map[config.KeyWord]rate.PartKind{
	config.KeyClient: rate.PartClient, config.KeyRoute: rate.PartRoute, config.KeyPath: rate.PartPath, config.KeyMethod: rate.PartMethod,
	config.KeyHost: rate.PartHost, config.KeyIdentity: rate.PartIdentity, config.KeyAPIKey: rate.PartAPIKey,
	config.KeyCountry: rate.PartCountry, config.KeyASN: rate.PartASN,
}

var missing = map[config.Missing]rate.Missing{
	config.MissingSkip: rate.Skip, config.MissingCount: rate.Count, config.MissingDeny: rate.Deny,
}

var costs = map[config.LimitCost]rate.Cost{
	config.CostRequest: rate.CostRequests, config.CostRequestBytes: rate.CostRequestBytes,
	config.CostResponseBytes: rate.CostResponseBytes, config.CostScore: rate.CostScore,
}

var limitModes = map[config.LimitMode]rate.Mode{
	config.LimitBlock: rate.Block, config.LimitThrottle: rate.Throttle, config.LimitObserve: rate.Observe,
}

var sharings = map[config.Sharing]rate.Share{
	config.ShareNone: rate.ShareNone, config.ShareLocal: rate.ShareLocal, config.ShareExact: rate.ShareExact,
}

var storeDowns = map[config.StoreDown]rate.StoreDown{
	config.StoreDownLocal: rate.DownLocal, config.StoreDownAllow: rate.DownAllow, config.StoreDownDeny: rate.DownDeny,
}

var tellings = map[config.Telling]rate.Tell{
	config.TellLimited: rate.TellLimited, config.TellAlways: rate.TellAlways, config.TellNever: rate.TellNever,
}
