module watchword.example/cloudevents

go 1.25.0
