"""The package in Salesforce orgs: events go to its endpoint, over HTTPS, with OAuth."""

from franking.outlets.salesforce.limits import Usage
from franking.outlets.salesforce.outlet import Salesforce

__all__ = ["Salesforce", "Usage"]
