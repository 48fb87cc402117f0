from ._evaluation_page import evaluation_page as evaluation_page
from ._evaluation_page import write_evaluation_page as write_evaluation_page
from ._page import separation_page as separation_page
from ._page import write_separation_page as write_separation_page
from ._provenance import software_versions as software_versions
from ._text import printable as printable
