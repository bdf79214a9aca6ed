package corpus

import "github.com/wafer-waf/wafer/importer/suite"

// Attacks returns the requests of the Core Rule Set's regression tests that [suite.Attacks] selects.
func Attacks() ([]Request, error) {
	attacks, err := suite.Attacks()
	if err != nil {
		return nil, err
	}
	list := make([]Request, len(attacks))
	for i, a := range attacks {
		list[i] = Request{Kind: Attack, Source: a.Name, Method: a.Method, Target: a.Target, Body: a.Body}
		for _, h := range a.Headers {
			list[i].Header = append(list[i].Header, Field(h))
		}
	}
	return list, nil
}
