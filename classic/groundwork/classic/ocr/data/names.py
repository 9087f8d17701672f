"""Words that cards and receipts are made of. People are invented: given names and surnames are drawn apart."""

from __future__ import annotations

GIVEN = (
    "Anna Maria Elena Sofía Zoë Chloé Amélie Hélène Françoise Céline Łucja Małgorzata Agnieszka Željka Žofie Šárka Jana "
    "Eliška Zsófia Kinga Ilona Réka Ingrid Sigrún Åsa Märta Kirsten Søren Jørgen Bjørn Håkon Lars Nils Karl Jürgen Günther "
    "Jörg Björn Thomas Peter Michael Andreas Lukas Matthias José Ángel Iñigo Joaquín Andrés Jesús Luís João António Inês "
    "Conceição Francesco Giuseppe Niccolò Chiara Beatrice Giulia Marc Étienne François Loïc Gaël Noël Pierre Jean Henri "
    "Wojciech Krzysztof Łukasz Paweł Stanisław Jiří Ondřej Tomáš Václav Miloš László Zoltán György István Mihai Ştefan "
    "Ioana Ruxandra Emre Çağla Gökhan İbrahim Oğuz Ayşe Şule Mehmet Fatma Maarja Jüri Kārlis Jānis Līga Jurgis Eglė Žydrūnas "
    "Emma Olivia James William George Charlotte Harry Amelia Jack Thomas Grace Daniel Owen Siân Niamh Seán Aoife Fiona "
    "Ahmad Siti Nurul Wei Ming Mei Ling Hui Raj Kumar Priya Tan Lim Aisyah Farid Hassan Amina Yusuf Fatima Omar Leila "
    "Kenji Yuki Haruto Sakura Minh Linh Nguyen Thanh Diego Camila Valentina Mateo Lucía Thiago Isabella Gabriel"
).split()
SURNAMES = (
    "Müller Schmidt Schäfer Köhler Weiß Großmann Böhm Jäger Krüger Huber Wagner Fischer Bauer Zimmermann Hoffmann García "
    "Fernández Rodríguez Muñoz Núñez Ibáñez González Peña Ordóñez Martínez Silva Gonçalves Simões Magalhães Araújo Rossi "
    "Bianchi Ferrari D'Angelo De'Medici Esposito Lefèvre Dubois Béranger Gauthier Lemaître Moreau Fontaine Dupont Kowalski "
    "Wiśniewski Dąbrowska Zieliński Woźniak Kamińska Jabłoński Łukasik Novák Dvořák Černý Svobodová Procházka Růžička Horváth "
    "Szabó Kovács Tóth Nagy Farkas Őry Petrović Jovanović Đorđević Šimić Kovačević Popescu Ionescu Ţăranu Yılmaz Öztürk "
    "Çelik Şahin Güneş Erdoğan Tamm Sepp Kask Ozols Bērziņš Kalniņš Kazlauskas Žukauskas Petrauskienė Andersson Öberg Åkesson "
    "Sjöström Lindqvist Hansen Sørensen Kjær Østergaard Bakke Ødegård Jónsdóttir Þórsson Guðmundsson Virtanen Mäkinen "
    "Smith Jones Taylor Brown Williams Wilson Johnson Davies O'Brien O'Connor MacDonald McCarthy Fitzgerald Thompson Walker "
    "Tan Lim Wong Lee Chong Abdullah Ismail Rahman Singh Patel Sharma Nguyen Tran Kim Park Sato Suzuki Haddad Mansour Okafor "
    "Mensah Diallo Papadopoulos Nikolaidis Van-der-Berg Saint-Exupère Castro-Vega Hernández-Ruiz"
).split()
PLACES = (
    "BERLIN MÜNCHEN KÖLN DÜSSELDORF WIEN GRAZ ZÜRICH GENÈVE PARIS LYON ORLÉANS BESANÇON MADRID MÁLAGA LEÓN CÁDIZ LISBOA "
    "ÉVORA PORTO ROMA FORLÌ MILANO TORINO WARSZAWA ŁÓDŹ KRAKÓW GDAŃSK POZNAŃ PRAHA BRNO PLZEŇ OLOMOUC BRATISLAVA KOŠICE "
    "BUDAPEST GYŐR PÉCS BUCUREŞTI IAŞI ZAGREB ŠIBENIK LJUBLJANA TALLINN TARTU RĪGA VILNIUS ŠIAULIAI STOCKHOLM MALMÖ "
    "GÖTEBORG OSLO TROMSØ KØBENHAVN AARHUS REYKJAVÍK HELSINKI TURKU DUBLIN CORK LONDON LEEDS BRISTOL GLASGOW İSTANBUL "
    "ÇANAKKALE İZMİR ATHENS NICOSIA VALLETTA UTRECHT ROTTERDAM ANTWERPEN LIÈGE JOHOR SELANGOR PENANG MELAKA IPOH KLANG "
    "TORONTO MONTRÉAL QUÉBEC BOSTON CHICAGO DENVER AUSTIN BOGOTÁ MEDELLÍN BRASÍLIA CURITIBA LIMA QUITO"
).split()
STREETS = (
    "Straße Gasse Weg Allee Rue Avenue Boulevard Calle Plaza Via Corso Ulica Náměstí Utca Strada Ulice Street Road Lane "
    "Jalan Lorong Taman Close Drive Square Gata Vej Gade Katu Iela Gatvė Sokağı Caddesi Rua Travessa Laan Kade"
).split()
COUNTRIES = (
    "UTOPIA ARSTOTZKA RURITANIA ZUBROWKA GENOVIA FREEDONIA SYLVANIA BORDURIA SYLDAVIA ELBONIA LATVERIA FLORIN GUILDER "
    "NORDLAND SÜDMARK ÉTOLIE ILLYRIA LAURANIA"
).split()
LABELS = (
    "Surname|Given names|Date of birth|Place of birth|Nationality|Sex|Height|Date of issue|Date of expiry|Authority|"
    "Document No.|Personal No.|Signature|Address|Card number|Member since|Valid until|Valid thru|Class|Restrictions|"
    "Name|Nom|Prénoms|Date de naissance|Lieu de naissance|Sexe|Taille|Nationalité|Autorité|Apellidos|Nombre|"
    "Fecha de nacimiento|Nachname|Vorname|Geburtsdatum|Geburtsort|Staatsangehörigkeit|Größe|Gültig bis|Behörde|"
    "Cognome|Data di nascita|Cittadinanza|Nazwisko|Imiona|Data urodzenia|Příjmení|Jméno|Datum narození|Efternamn|Förnamn|"
    "Födelsedatum|Soyadı|Adı|Doğum tarihi|Passport No.|Type|Country code|Issuing authority|Licence No.|Issued by|"
    "Surname / Nom|Given names / Prénoms|Date of birth / Date de naissance|Sex / Sexe|Expires|DOB|EXP|ISS|HGT|EYES"
).split("|")
TITLES = (
    "IDENTITY CARD|NATIONAL IDENTITY CARD|PASSPORT|PASSEPORT|REISEPASS|PERSONALAUSWEIS|CARTE NATIONALE D'IDENTITÉ|"
    "DOCUMENTO NACIONAL DE IDENTIDAD|DRIVING LICENCE|DRIVER LICENSE|PERMIS DE CONDUIRE|FÜHRERSCHEIN|RESIDENCE PERMIT|"
    "MEMBERSHIP CARD|LIBRARY CARD|STUDENT CARD|STAFF PASS|HEALTH INSURANCE CARD|CARTA D'IDENTITÀ|DOWÓD OSOBISTY|"
    "OBČANSKÝ PRŮKAZ|KIMLIK KARTI|REPUBLIC OF|KINGDOM OF|FEDERAL REPUBLIC OF|VISITOR|EMPLOYEE ID"
).split("|")
SHOP = (
    "TOTAL SUBTOTAL SUB TOTAL AMOUNT CASH CHANGE TAX GST VAT INVOICE RECEIPT DATE TIME TABLE CASHIER ITEM QTY PRICE DISC "
    "DISCOUNT ROUNDING ADJUSTMENT ADJ BALANCE DUE THANK YOU PLEASE COME AGAIN GOODS SOLD ARE NOT RETURNABLE REFUNDABLE "
    "EXCHANGE WITHIN DAYS WITH MEMBER POINT POINTS CARD VISA MASTER DEBIT CREDIT APPROVED TERMINAL TRANS TRANSACTION "
    "REF NO REG COMPANY TEL FAX SHOP STORE MARKET RESTAURANT CAFE TRADING ENTERPRISE SDN BHD LTD CO INC PTE LOT JALAN "
    "TAMAN SALES SERVICE CHARGE NETT NET GROSS INCL EXCL INCLUSIVE EXCLUSIVE OF SUMMARY CODE RATE UNIT PCS PACK BOX KG "
    "CHICKEN RICE NOODLE FRIED TEA COFFEE ICE LEMON MILK BREAD EGG FISH BEEF BURGER SET MEAL LARGE SMALL REGULAR HOT COLD "
    "WATER JUICE SUGAR CAKE APPLE ORANGE PAPER PEN BOOK FILE CLIP TAPE GLUE BULB SCREW PAINT BRUSH CABLE BATTERY SHIRT BAG "
    "SOAP TISSUE SHAMPOO BRUSH TOWEL POWDER LIQUID BOTTLE CAN TIN BAG TRAY OPEN CLOSE HOURS DAILY CUSTOMER COPY MERCHANT "
    "DESCRIPTION DOCUMENT ORDER NUMBER COUNTER STAFF SERVER GUEST PAX TAKE AWAY DINE IN DELIVERY PAYMENT PAID TENDER "
    "SIGNATURE REQUIRED GOODBYE VISIT US AT WWW FOR ENQUIRY CALL EMAIL ALL ITEMS HAVE A NICE DAY KEEP THIS AS PROOF "
    "SR ZRL ZR RM USD EUR MYR SGD PAYABLE TAXABLE EXEMPT AFTER BEFORE QUANTITY ROUNDED SUPPLIES STANDARD ZERO RATED"
).split()
COMMON = (
    "the of and to in is for with on as by from this that at be are not or an it holder valid card must public office "
    "under which been only when person document issued right return found property government department national "
    "number service state city local general section register license travel without permit please contact use below"
).split()
