import GRDB
import Hummingbird
import Metrics
import ServiceLifecycle
