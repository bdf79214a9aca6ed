package waf

import (
	"reflect"
	"slices"
	"testing"
)

// TestSettings spells lists as crs-setup.conf does, and says nothing of what is not set.
func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		crs  CRS
		want []setting
	}{
		{CRS{}, nil},
		{CRS{AllowedMethods: []string{"GET", "HEAD"}, AllowedCharsets: []string{"utf-8", "us-ascii"}}, []setting{
			{"allowed_methods", "GET HEAD"}, {"allowed_request_content_type_charset", "|utf-8| |us-ascii|"},
		}},
		{CRS{AllowedMethods: []string{}, RestrictedExtensions: []string{".bak", ".sql"}, RestrictedHeaders: []string{"proxy"}}, []setting{
			{"allowed_methods", "-"}, {"restricted_extensions", ".bak/ .sql/"}, {"restricted_headers_basic", "/proxy/"},
		}},
		{CRS{MaxNumArgs: 9, MaxFileSize: 1 << 40, AllowMethodOverride: true, NoticeAnomalyScore: 1}, []setting{
			{"max_num_args", "9"}, {"max_file_size", "1099511627776"}, {"allow_method_override_parameter", "1"}, {"notice_anomaly_score", "1"},
		}},
	} {
		if got := tt.crs.settings(); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: got %v, want %v", tt.crs, got, tt.want)
		}
	}
	// Each field is a variable of its own.
	all := CRS{}
	v := reflect.ValueOf(&all).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{"x"}))
		case reflect.Bool:
			f.SetBool(true)
		default:
			f.SetInt(1)
		}
	}
	names := map[string]bool{}
	for _, s := range all.settings() {
		names[s.name] = true
	}
	if len(names) != v.NumField() {
		t.Errorf("%d fields make %d variables", v.NumField(), len(names))
	}
}
