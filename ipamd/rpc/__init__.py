"""Messages: the AMQP intake, the clients, and the relay of events."""
