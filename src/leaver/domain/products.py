"""Names of Microsoft's products, which Graph knows by part number and id only.

From Microsoft's public list (Microsoft Entra: product names and service plan identifiers for licensing). What is not
listed goes by its part number.
"""

from __future__ import annotations

import csv
from pathlib import Path

_LISTED = """\
SPE_E3|05e9a617-0261-4cee-bb44-138d3ef5d965|Microsoft 365 E3
SPE_E5|06ebc4ee-1bb5-47dd-8120-11324bc54e06|Microsoft 365 E5
SPE_F1|66b55226-6b4f-492c-910c-a3b7a3c9d993|Microsoft 365 F3
M365_F1|44575883-256e-4a79-9da4-ebe9acabe2b2|Microsoft 365 F1
SPB|cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46|Microsoft 365 Business Premium
O365_BUSINESS_PREMIUM|f245ecc8-75af-4f8e-b61f-27d8114de5f3|Microsoft 365 Business Standard
O365_BUSINESS_ESSENTIALS|3b555118-da6a-4418-894f-7df1e2096870|Microsoft 365 Business Basic
O365_BUSINESS|cdd28e44-67e3-425e-be4c-737fab2899d3|Microsoft 365 Apps for Business
OFFICESUBSCRIPTION|c2273bd0-dff7-4215-9ef5-2c7bcfb06425|Microsoft 365 Apps for Enterprise
STANDARDPACK|18181a46-0d4e-45cd-891e-60aabd171b4e|Office 365 E1
ENTERPRISEPACK|6fd2c87f-b296-42f0-b197-1e91e994b900|Office 365 E3
ENTERPRISEPREMIUM|c7df2760-2c81-4ef7-b578-5b5392b571df|Office 365 E5
ENTERPRISEPREMIUM_NOPSTNCONF|26d45bd9-adf1-46cd-a9e1-51e9a5524128|Office 365 E5 Without Audio Conferencing
DESKLESSPACK|4b585984-651b-448a-9e53-3b10f069cf7f|Office 365 F3
STANDARDWOFFPACK_FACULTY|94763226-9b3c-4e75-a931-5c89701abe66|Office 365 A1 for faculty
STANDARDWOFFPACK_STUDENT|314c4481-f395-4525-be8b-2ec4bb1e9d91|Office 365 A1 for students
M365EDU_A3_FACULTY|4b590615-0888-425a-a965-b3bf7789848d|Microsoft 365 A3 for faculty
M365EDU_A3_STUDENT|7cfd9a2b-e110-4c39-bf20-c6a3f36a3121|Microsoft 365 A3 for students
M365EDU_A5_FACULTY|e97c048c-37a4-45fb-ab50-922fbf07a370|Microsoft 365 A5 for faculty
EXCHANGESTANDARD|4b9405b0-7788-4568-add1-99614e613b69|Exchange Online (Plan 1)
EXCHANGEENTERPRISE|19ec0d23-8335-4cbd-94ac-6050e30712fa|Exchange Online (Plan 2)
EXCHANGEDESKLESS|80b2d799-d2ba-4d2a-8842-fb0d0f3a4b82|Exchange Online Kiosk
EXCHANGEARCHIVE_ADDON|ee02fd1b-340e-4a4b-b355-4a514e4c8943|Exchange Online Archiving for Exchange Online
SHAREPOINTSTANDARD|1fc08a02-8b3d-43b9-831e-f76859e04e1a|SharePoint (Plan 1)
SHAREPOINTENTERPRISE|a9732ec9-17d9-494c-a51c-d6b45b384dcb|SharePoint (Plan 2)
WACONEDRIVESTANDARD|e6778190-713e-4e4f-9119-8b8238de25df|OneDrive for Business (Plan 1)
WACONEDRIVEENTERPRISE|ed01faf2-1d88-4947-ae91-45ca18703a96|OneDrive for Business (Plan 2)
TEAMS_EXPLORATORY|710779e8-3d4a-4c88-adb9-386c958d1fdf|Microsoft Teams Exploratory
TEAMS_ESSENTIALS_AAD|3ab6abff-666f-4424-bfb7-f0bc274ec7bc|Microsoft Teams Essentials
Microsoft_Teams_Enterprise_New|7e31c0d9-9551-471d-836f-32ee72be4a01|Microsoft Teams Enterprise
Microsoft_Teams_Premium||Microsoft Teams Premium
MCOEV|e43b5b99-8dfb-405f-9987-dc307f34bcbd|Microsoft Teams Phone Standard
PHONESYSTEM_VIRTUALUSER|440eaaa8-b3e0-484b-a8be-62870b9ba70a|Microsoft Teams Phone Resource Account
MCOMEETADV|0c266dff-15dd-4b49-8397-2bb16070ed52|Microsoft 365 Audio Conferencing
MCOPSTN1|0dab259f-bf13-4952-b7f8-7db8f131b28d|Microsoft 365 Domestic Calling Plan
MCOPSTN2|d3b4fe1f-9992-4930-8acb-ca6ec609365e|Microsoft 365 Domestic and International Calling Plan
MCOCAP|295a8eb0-f78d-45c7-8b5b-1eed5ed02dff|Microsoft Teams Shared Devices
MEETING_ROOM|6070a4c8-34c6-4937-8dfb-39bbc6397a60|Microsoft Teams Rooms Standard
Microsoft_365_Copilot|639dec6b-bb19-468b-871c-c5c441c4b0cb|Microsoft 365 Copilot
VIVA|61902246-d7cb-453e-85cd-53ee28eec138|Microsoft Viva Suite
POWER_BI_STANDARD|a403ebcc-fae0-4ca2-8c8c-7a907fd6c235|Microsoft Fabric (Free)
POWER_BI_PRO|f8a1db68-be16-40ed-86d5-cb42ce701560|Power BI Pro
PBI_PREMIUM_PER_USER|c1d032e0-5619-4761-9b5c-75b6831e1711|Power BI Premium Per User
FLOW_FREE|f30db892-07e9-47e9-837c-80727f46fd3d|Microsoft Power Automate Free
FLOW_PER_USER|4a51bca5-1eff-43f5-878c-177680f191af|Power Automate per user plan
POWERAPPS_PER_USER|b30411f5-fea1-4a59-9ad9-3db7c7ead579|Power Apps Premium
POWERAPPS_VIRAL|dcb1a3ae-b33f-4487-846a-a640262fadf4|Microsoft Power Apps Plan 2 Trial
POWERAPPS_DEV|5b631642-bd26-49fe-bd20-1daaa972ef80|Microsoft Power Apps for Developer
CCIBOTS_PRIVPREV_VIRAL|606b54a9-78d8-4298-ad8b-df6ef4481c80|Microsoft Copilot Studio Viral Trial
PROJECT_P1|beb6439c-caad-48d3-bf46-0c82871e12be|Project Plan 1
PROJECTPROFESSIONAL|53818b1b-4a27-454b-8896-0dba576410e6|Project Plan 3
PROJECTPREMIUM|09015f9f-377f-4538-bbb5-f75ceb09358a|Project Plan 5
VISIOONLINE_PLAN1|4b244418-9658-4451-a2b8-b5e2b364e9bd|Visio Plan 1
VISIOCLIENT|c5928f49-12ba-48f7-ada3-0d743a3601d5|Visio Plan 2
AAD_PREMIUM|078d2b04-f1bd-4111-bbd4-b4b1b354cef4|Microsoft Entra ID P1
AAD_PREMIUM_P2|84a661c4-e949-4bd2-a560-ed7766fcaf2b|Microsoft Entra ID P2
EMS|efccb6f7-5641-4e0e-bd10-b4976e1bf68e|Enterprise Mobility + Security E3
EMSPREMIUM|b05e124f-c7cc-45a0-a6aa-8cf78c946968|Enterprise Mobility + Security E5
INTUNE_A|061f9ace-7d42-4136-88ac-31dc755f143f|Microsoft Intune Plan 1
RIGHTSMANAGEMENT|c52ea49f-fe5d-4e95-93ba-1de91d380f89|Azure Information Protection Plan 1
RIGHTSMANAGEMENT_ADHOC|8c4ce438-32a7-4ac5-91a6-e22ae08d9c8b|Rights Management Adhoc
IDENTITY_THREAT_PROTECTION|26124093-3d78-432b-b5dc-48bf992543d5|Microsoft 365 E5 Security
INFORMATION_PROTECTION_COMPLIANCE|184efa21-98c3-4e5d-95ab-d07053a96e67|Microsoft 365 E5 Compliance
ATP_ENTERPRISE|4ef96642-f096-40de-a3e9-d83fb2f90211|Microsoft Defender for Office 365 (Plan 1)
THREAT_INTELLIGENCE|3dd6cf57-d688-4eed-ba52-9e40b5468c3e|Microsoft Defender for Office 365 (Plan 2)
WIN_DEF_ATP|111046dd-295b-4d6d-9724-d52ac90bd1f2|Microsoft Defender for Endpoint
WIN10_VDA_E5|488ba24a-39a9-4473-8ee5-19291e71b002|Windows 10/11 Enterprise E5
DYN365_TEAM_MEMBERS|7ac9fe77-66b7-4e5e-9e46-10eed1cff547|Dynamics 365 Team Members
DYN365_ENTERPRISE_SALES|1e1a282c-9c54-43a2-9310-98ef728faace|Dynamics 365 Sales Enterprise Edition
DYN365_ENTERPRISE_CUSTOMER_SERVICE|749742bf-0d37-4158-a120-33567104deeb|Dynamics 365 Customer Service Enterprise
WINDOWS_STORE|6470687e-a428-4b7a-bef2-8a291ad947c9|Windows Store for Business
"""
"""Part number, id, name."""

_NAMES: dict[str, str] = {}


def product_name(part_number: str, sku_id: str = "") -> str:
    """What the product is sold as, by its id where that is listed; an unlisted one goes by its part number."""
    return _NAMES.get(sku_id.casefold()) or _NAMES.get(part_number.casefold()) or part_number or sku_id


def load_refreshed(path: Path) -> int:
    """Add the names of a newer copy of Microsoft's list, the CSV as it is offered for download; how many products."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = [(row["String_Id"], row["GUID"], row["Product_Display_Name"]) for row in csv.DictReader(file)]
    for part_number, sku_id, name in rows:
        _remember(part_number, sku_id, name)
    return len({sku_id for _, sku_id, _ in rows})


def _remember(part_number: str, sku_id: str, name: str) -> None:
    for key in (part_number, sku_id):
        if key.strip():
            _NAMES[key.strip().casefold()] = name.strip()


for _line in _LISTED.splitlines():
    _remember(*_line.split("|"))
