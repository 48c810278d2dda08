// A peer of the bench `scrape`: the series of a page in a GaugeVec for each family, served by promhttp as it comes.
//
// Usage: client_golang PAGE, where PAGE holds Prometheus text. Says where it listens once it has read it.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"runtime/debug"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: client_golang PAGE")
	}
	registry := prometheus.NewRegistry()
	if err := load(registry, os.Args[1]); err != nil {
		log.Fatal(err)
	}
	// What reading the page took is not what a program that sets these gauges itself would hold.
	debug.FreeOSMemory()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	fmt.Printf("listening %s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

func load(registry *prometheus.Registry, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(file)
	if err != nil {
		return err
	}
	for name, family := range families {
		gauges := prometheus.NewGaugeVec(
			prometheus.GaugeOpts{Name: name, Help: family.GetHelp()},
			labelNames(family),
		)
		if err := registry.Register(gauges); err != nil {
			return err
		}
		for _, metric := range family.GetMetric() {
			values := make([]string, 0, len(metric.GetLabel()))
			for _, pair := range metric.GetLabel() {
				values = append(values, pair.GetValue())
			}
			gauges.WithLabelValues(values...).Set(metric.GetGauge().GetValue())
		}
		// Lets the collector have it early: a large page would otherwise be there twice.
		delete(families, name)
	}
	return nil
}

// labelNames takes the names from the first series: within a family all have the same, in the same order.
func labelNames(family *dto.MetricFamily) []string {
	var names []string
	for _, pair := range family.GetMetric()[0].GetLabel() {
		names = append(names, pair.GetName())
	}
	return names
}
