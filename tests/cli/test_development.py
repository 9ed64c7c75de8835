"""Where `foliot dev` puts what would leave the machine: into its own folder, unless told."""

from pathlib import Path

from control_plane.cli.development import _beside, _next_port

FOLDER = Path("/somewhere/with space/.foliot")


class TestADevelopmentServer:
    def test_keeps_mail_and_objects_in_its_folder(self) -> None:
        """Nobody gets a mail by trying something out, and nothing has to be set up."""
        assert {
            "FOLIOT_MAIL_URL": "file:///somewhere/with%20space/.foliot/mail",
            "FOLIOT_MAIL_FROM": "dev@foliot.example",
            "FOLIOT_OBJECTS_URL": "file:///somewhere/with%20space/.foliot/objects",
        } == _beside(FOLDER, {})

    def test_sends_and_stores_where_the_environment_says(self) -> None:
        """Each on its own; a sender that was set is kept."""
        mail = {"FOLIOT_MAIL_URL": "smtps://mail.example.com"}
        objects = {"FOLIOT_OBJECTS_URL": "s3://bucket"}

        assert {} == _beside(FOLDER, {**mail, **objects})
        assert {"FOLIOT_OBJECTS_URL"} == _beside(FOLDER, mail).keys()
        kept = _beside(FOLDER, {**objects, "FOLIOT_MAIL_FROM": "me@example.com"})
        assert "me@example.com" == kept["FOLIOT_MAIL_FROM"]

    def test_tells_of_its_executor_on_the_next_port(self) -> None:
        """One address is given for two processes; a port that is chosen for them needs no other."""
        given = {"FOLIOT_METRICS_LISTEN": "127.0.0.1:9464"}

        assert {"FOLIOT_METRICS_LISTEN": "127.0.0.1:9465"} == _next_port(given)
        assert {} == _next_port({}) == _next_port({"FOLIOT_METRICS_LISTEN": "127.0.0.1:0"})
