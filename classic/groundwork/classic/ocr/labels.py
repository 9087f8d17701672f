"""What fields are called on documents, by language."""

from __future__ import annotations

LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "nl", "pl", "cs", "sv", "tr")

# One row a field: its labels in the order of LANGUAGES; `;` between alternatives.
_TABLE = {
    "surname": "Surname;Last name;Family name|Nom|Name;Nachname;Familienname|Apellidos;Primer apellido|Cognome|Apelidos|Naam;Achternaam|Nazwisko|Příjmení|Efternamn|Soyadı",
    "given_names": "Given names;First name;Forenames;Given name|Prénoms;Prénom(s)|Vornamen;Vorname|Nombre;Nombres|Nome|Nomes próprios|Voornamen|Imiona;Imię (imiona)|Jméno|Förnamn|Adı",
    "name": "Name;Full name;Holder;Member name;Cardholder|Nom et prénoms;Titulaire|Name, Vorname;Inhaber|Nombre y apellidos;Titular|Nome e cognome;Intestatario|Nome completo|Houder|Nazwisko i imię|Jméno a příjmení|Namn|Adı Soyadı",
    "birth_date": "Date of birth;DOB;Birth date;Born|Date de naissance;Né(e) le|Geburtsdatum;Geboren am|Fecha de nacimiento|Data di nascita|Data de nascimento|Geboortedatum|Data urodzenia|Datum narození|Födelsedatum|Doğum tarihi",
    "birth_place": "Place of birth|Lieu de naissance|Geburtsort|Lugar de nacimiento|Luogo di nascita|Local de nascimento|Geboorteplaats|Miejsce urodzenia|Místo narození|Födelseort|Doğum yeri",
    "sex": "Sex;Gender|Sexe|Geschlecht|Sexo|Sesso|Sexo|Geslacht|Płeć|Pohlaví|Kön|Cinsiyeti",
    "nationality": "Nationality;Citizenship|Nationalité|Staatsangehörigkeit|Nacionalidad|Cittadinanza|Nacionalidade|Nationaliteit|Obywatelstwo|Státní občanství|Medborgarskap|Uyruğu",
    "document_number": "Document No.;Document number;Passport No.;Card No.;Licence No.;ID No.;No.|N° du document;Numéro;N° de la carte|Ausweisnummer;Dokumentennummer;Nummer|Número de documento;Núm. soporte|Numero documento|Número do documento|Documentnummer|Numer dokumentu|Číslo dokladu|Dokumentnummer|Belge no",
    "personal_number": "Personal No.;Personal number|N° personnel|Personennummer|Número personal|Codice fiscale|Número de identificação|Persoonsnummer|PESEL|Rodné číslo|Personnummer|T.C. kimlik no",
    "issue_date": "Date of issue;Issued;Issue date;ISS|Date de délivrance;Délivré le|Ausstellungsdatum;Ausgestellt am|Fecha de expedición|Data di rilascio|Data de emissão|Datum van afgifte|Data wydania|Datum vydání|Utfärdad|Veriliş tarihi",
    "expiry_date": "Date of expiry;Expires;Valid until;Expiry date;Valid thru;EXP|Date d'expiration;Valable jusqu'au|Gültig bis;Ablaufdatum|Fecha de caducidad;Válido hasta|Data di scadenza|Data de validade|Geldig tot|Data ważności;Termin ważności|Platnost do|Giltig till|Son geçerlilik tarihi",
    "authority": "Authority;Issuing authority;Issued by|Autorité|Behörde;Ausstellende Behörde|Autoridad|Autorità|Autoridade|Autoriteit|Organ wydający|Vydal|Myndighet|Veren makam",
    "address": "Address;Residence|Adresse;Domicile|Anschrift;Wohnort|Domicilio|Indirizzo;Residenza|Morada|Adres|Adres zamieszkania|Trvalý pobyt|Adress|Adres",
    "height": "Height;HGT|Taille|Größe|Estatura|Statura|Altura|Lengte|Wzrost|Výška|Längd|Boy",
    "card_number": "Card number;Membership No.;Member No.;Card no.|Numéro de carte;N° d'adhérent|Kartennummer;Mitgliedsnummer|Número de tarjeta|Numero tessera|Número do cartão|Kaartnummer|Numer karty|Číslo karty|Kortnummer|Kart no",
    "member_since": "Member since;Since|Membre depuis|Mitglied seit|Miembro desde|Socio dal|Membro desde|Lid sinds|Członek od|Člen od|Medlem sedan|Üyelik tarihi",
    "licence_class": "Class;Categories;Category|Catégories;Catégorie|Klassen;Klasse|Clases;Clase|Categorie;Categoria|Categorias|Categorieën|Kategorie;Kategoria|Skupiny|Klasser|Sınıfı",
}  # fmt: skip

NAMES = tuple(_TABLE)
DATES = ("birth_date", "issue_date", "expiry_date", "member_since")
# Fields of a European driving licence by their number (Directive 2006/126/EC, annex I).
LICENCE = {
    "1": "surname", "2": "given_names", "3": "birth_date", "4a": "issue_date", "4b": "expiry_date", "4c": "authority",
    "4d": "personal_number", "5": "document_number", "8": "address", "9": "licence_class",
}  # fmt: skip


def labels(name: str, language: str) -> tuple[str, ...]:
    """What a field is called in a language; the first is the most usual."""
    columns = _TABLE[name].split("|")
    return tuple(columns[LANGUAGES.index(language)].split(";"))


def every_label() -> dict[str, list[str]]:
    """All labels of every field, over the languages."""
    return {
        name: [one for part in row.split("|") for one in part.split(";")]
        for name, row in _TABLE.items()
    }
