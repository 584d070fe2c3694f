"""benefits, wired together: `python -m services.benefits.app`."""

from services.benefits.service import load_table, service
from services.benefits.settings import Settings
from shared.runner.process import run

if __name__ == "__main__":
    settings = Settings()
    run(service(load_table(settings.table_file)), settings)
