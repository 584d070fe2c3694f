"""What an operator does about Kafka records that a service has set aside."""
