package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

// keyDelimiter joins nested keys inside viper. No key of ours holds a NUL byte.
const keyDelimiter = "\x00"

// newViper returns an empty instance. One serves one load: viper is not safe for
// concurrent use, and values of an older load must not shine through.
func newViper() *viper.Viper {
	return viper.NewWithOptions(viper.KeyDelimiter(keyDelimiter))
}

// decode writes the layers into target, later layers over earlier ones, all of them over
// what target holds already. Lists replace; they are never merged item by item.
func decode(target any, layers ...map[string]any) error {
	v := newViper()
	for _, layer := range layers {
		if err := v.MergeConfigMap(layer); err != nil {
			return err
		}
	}
	return v.UnmarshalExact(target, func(c *mapstructure.DecoderConfig) {
		c.TagName = tagName
		c.WeaklyTypedInput = false
		c.ZeroFields = true // else a shorter list keeps the tail of the one it replaces
		c.DecodeHook = mapstructure.DecodeHookFuncType(textHook)
		c.MatchName = func(key, name string) bool { return key == name }
	})
}

// textHook turns strings into the types that are written as text.
func textHook(from, to reflect.Type, data any) (any, error) {
	if from.Kind() != reflect.String || !isText(to) {
		return data, nil
	}
	return parseText(to, data.(string))
}

// decodeProblems turns an error of decode into problems. readDocument has reported
// whatever a file can get wrong, so this is for what it may have missed.
func decodeProblems(err error, path string) Problems {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		var ps Problems
		for _, e := range several.Unwrap() {
			ps = append(ps, decodeProblems(e, path)...)
		}
		return ps
	}
	var at *mapstructure.DecodeError
	if !errors.As(err, &at) {
		return Problems{{Path: path, What: err.Error()}}
	}
	what := strings.ReplaceAll(at.Unwrap().Error(), keyDelimiter, ".")
	var kind *mapstructure.UnconvertibleTypeError
	if errors.As(err, &kind) {
		what = fmt.Sprintf("want %s, got %s", wanted(kind.Expected.Type()), wanted(reflect.TypeOf(kind.Value)))
	}
	if name := at.Name(); name != "" {
		path = joinPath(path, name)
	}
	return Problems{{Path: path, What: what}}
}
